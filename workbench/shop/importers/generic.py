"""Any table: which table of the shop it is and which column is what, proposed by name and content."""

from __future__ import annotations

import re

from workbench.errors import WorkbenchError
from workbench.shop.importers.base import Fill, Importer, text
from workbench.shop.importers.source import Source
from workbench.shop.schema import TABLES

SYNONYMS: dict[str, tuple[str, ...]] = {
    "product_id": (
        "product_id",
        "product",
        "asin",
        "sku",
        "item_id",
        "item",
        "stock_code",
        "stockcode",
        "parent_asin",
        "goods_id",
        "clothing_id",
        "商品id",
        "商品编号",
    ),
    "user_id": (
        "user_id",
        "user",
        "customer_id",
        "customer",
        "reviewer_id",
        "client_id",
        "buyer_id",
        "member_id",
        "email",
        "用户id",
        "用户",
        "客户id",
    ),
    "review_id": ("review_id", "comment_id", "评论id"),
    "event_id": ("event_id", "line_id", "transaction_id"),
    "ticket_id": ("ticket_id", "case_id", "conversation_id", "工单id"),
    "rating": ("rating", "stars", "star_rating", "score", "overall", "评分", "星级"),
    "title": (
        "title",
        "name",
        "product_name",
        "product_title",
        "headline",
        "review_title",
        "summary",
        "review_headline",
        "标题",
        "商品名称",
    ),
    "body": (
        "body",
        "text",
        "review",
        "review_text",
        "reviewtext",
        "review_body",
        "comment",
        "content",
        "message",
        "utterance",
        "question",
        "评论",
        "内容",
    ),
    "created_at": ("created_at", "date", "review_date", "created", "timestamp", "time", "submitted_at", "日期", "时间"),
    "happened_at": (
        "happened_at",
        "date",
        "timestamp",
        "time",
        "order_date",
        "invoice_date",
        "invoicedate",
        "created_at",
        "event_time",
        "日期",
        "时间",
    ),
    "language": ("language", "lang", "locale", "语言"),
    "helpful": ("helpful", "helpful_votes", "votes"),
    "verified": ("verified", "verified_purchase"),
    "description": ("description", "product_description", "long_description", "details", "描述"),
    "brand": ("brand", "maker", "manufacturer", "vendor", "品牌"),
    "category": ("category", "product_category", "type", "department", "cat", "类别", "分类"),
    "price": ("price", "unit_price", "unitprice", "amount", "价格", "单价"),
    "kind": ("kind", "event", "event_type", "action", "type", "behavior", "行为"),
    "quantity": ("quantity", "qty", "pieces", "数量"),
    "order_id": ("order_id", "invoice_no", "invoiceno", "invoice", "order", "订单号"),
    "country": ("country", "region", "国家"),
    "joined_at": ("joined_at", "registered", "signup_date", "created_at", "注册时间"),
    "intent": ("intent", "label", "reason", "意图"),
}
TELLING = {
    "reviews": ({"body"}, {"rating", "product_id", "review_id"}),
    "tickets": ({"body"}, {"ticket_id", "intent"}),
    "events": ({"product_id", "happened_at"}, {"kind", "order_id", "quantity", "event_id"}),
    "products": ({"product_id"}, {"title", "price", "description", "category", "brand"}),
    "users": ({"user_id"}, {"country", "joined_at"}),
}
FOREIGN = {"products": {"user_id", "body", "happened_at"}, "users": {"product_id", "body"}}
KEYED = {"reviews", "events", "tickets"}


def propose(columns: tuple[str, ...], table: str) -> dict[str, str]:
    """Canonical column to file column for a table, by name; each file column once."""
    plain = {re.sub(r"[\s\-.]+", "_", name.strip().lower()): name for name in columns}
    taken: set[str] = set()
    made = {}
    for canonical in TABLES[table].names[:-1]:
        for word in (canonical, *SYNONYMS.get(canonical, ())):
            if word in plain and plain[word] not in taken:
                made[canonical] = plain[word]
                taken.add(plain[word])
                break
    return made


def recognise(source: Source, as_table: str | None, mapping: dict[str, str] | None) -> tuple[str, dict[str, str]]:
    """(table, mapping) for a file; WorkbenchError when it is not certain and nobody said."""
    if as_table and as_table not in TELLING:
        raise WorkbenchError(f"There is no table {as_table!r} to import into; there are {', '.join(TELLING)}.", "Name one with --as.")
    table = as_table or _table(source, mapping or {})
    made = propose(source.columns, table)
    for canonical, column in (mapping or {}).items():
        if not column:
            made.pop(canonical, None)
            continue
        _check(source, table, canonical, column)
        made = {c: f for c, f in made.items() if f != column} | {canonical: column}
    missing = sorted(TELLING[table][0] - set(made))
    if missing:
        had = ", ".join(source.columns[:30])
        raise WorkbenchError(
            f"{source.shown}: no column was found for {', '.join(missing)} of the table {table}; the file has {had}.",
            f"Say which it is: --map {missing[0]}=COLUMN",
        )
    return table, made


def _check(source: Source, table: str, canonical: str, column: str) -> None:
    if column not in source.columns:
        raise WorkbenchError(f"{source.shown} has no column {column!r}; it has {', '.join(source.columns[:30])}.", "Correct the mapping.")
    if canonical not in TABLES[table].names:
        raise WorkbenchError(
            f"The table {table} has no column {canonical!r}; it has {', '.join(TABLES[table].names)}.", "Correct the mapping."
        )


def _table(source: Source, mapping: dict[str, str]) -> str:
    stem = source.shown.lower().split(".")[0]
    fitting = []
    for table, (needs, some) in TELLING.items():
        found = set(propose(source.columns, table)) | {c for c in mapping if c in TABLES[table].names}
        key = TABLES[table].key
        if needs <= found and found & some and not _columns_speak_for_another(source, FOREIGN.get(table, set())):
            fitting.append((stem == table, key in source.columns, len(found), table))
    fitting.sort(reverse=True)
    if not fitting or (len(fitting) > 1 and fitting[0][:3] == fitting[1][:3]):
        named = ", ".join(t for *_, t in fitting) or "none"
        raise WorkbenchError(
            f"It is not certain what {source.shown} holds (columns: {', '.join(source.columns[:30])}; fitting tables: {named}).",
            f"Say it: --as {'|'.join(TELLING)}, and --map canonical=COLUMN where needed.",
        )
    return fitting[0][3]


def _columns_speak_for_another(source: Source, canonical: set[str]) -> bool:
    plain = {name.strip().lower() for name in source.columns}
    return any(name in plain for name in canonical)


def importer(table: str, mapping: dict[str, str], columns: tuple[str, ...]) -> Importer:
    """The importer that this mapping stands for; missing ids are hashes of the row."""
    fills = {canonical: f"{{{column}}}" for canonical, column in mapping.items()}
    key = TABLES[table].key
    if key not in fills and table in KEYED:
        fills[key] = f"md5(concat_ws('|', {', '.join(f'{{{c}}}' for c in columns if c != 'row number')}))"
    if table == "events" and "kind" not in fills:
        fills["kind"] = "'purchase'"
    made = {table: Fill(fills)}
    for column, other in (("product_id", "products"), ("user_id", "users")):
        if column in mapping and table != other:
            made[other] = Fill({column: text(mapping[column])}, group=text(mapping[column]), attributes=False)
    return Importer("generic", "Table with mapped columns", (), made)
