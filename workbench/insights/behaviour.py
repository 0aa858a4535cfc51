"""What a shop knows of each of its users, as tables that profiles are counted from.

All of it is about the users of the space, so that shares add up over segments. What a shop does not
have (prices, reviews, a return model) is left out and named in `missing`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from workbench.insights.distinctive import words
from workbench.insights.own_labels import labels_of_users, own_labels
from workbench.insights.sentiment import label_sql, source
from workbench.shop.schema import happened
from workbench.shop.space import Space
from workbench.shop.store import Store
from workbench.tasks.returns import DAYS

REVIEWS, TITLES = "reviews", "titles"
MOST_REVIEWS = 100_000
_LEVELS = 5

# name: (what it is, its unit, what many of it makes a segment, what little of it makes one)
MEASURES = {
    "orders": ("Orders", "", "frequent buyers", "occasional buyers"),
    "value": ("Spent in all", "money", "big spenders", "small spenders"),
    "price": ("Average price of a piece", "money", "premium taste", "low prices"),
    "recency": ("Days since the last activity", "days", "gone quiet", "recently active"),
    "views": ("Products viewed for each one bought", "", "browse a lot", "buy directly"),
    "returned": ("Share of pieces sent back", "share", "send back often", ""),
    "stars": ("Average stars given", "stars", "pleased reviewers", "critical reviewers"),
    "reviews": ("Reviews written", "", "write often", ""),
}


@dataclass
class Behaviour:
    """Tables by user.

    `people` is indexed by user id with the columns of `MEASURES` and `returns` (probability), NaN
    where unknown; `bought` (user_id, product_id, category) holds each pair once; `words` (user_id,
    word) likewise, from what `word_basis` says; `moods` (user_id, negative, neutral, positive) counts reviews; `languages`
    (user_id, language, n); `labels` (user_id, task, label, n) those of the user's own tasks, with the words for them in
    `label_titles` by "task: label". `basis` says what `bought` was read from, `mood_basis` what moods were;
    `returns` is the probability to buy within `return_days`.
    """

    people: pd.DataFrame
    bought: pd.DataFrame
    words: pd.DataFrame
    moods: pd.DataFrame
    languages: pd.DataFrame
    titles: dict[str, str]
    basis: str
    mood_basis: str
    word_basis: str
    missing: dict[str, str] = field(default_factory=dict)
    return_days: int = DAYS
    labels: pd.DataFrame = field(default_factory=pd.DataFrame)
    label_titles: dict[str, str] = field(default_factory=dict)


def read(store: Store, space: Space, used: pd.DataFrame | None = None) -> Behaviour:
    """Everything known of the space's users; `used` is an earlier answer of `words_used`, where there is one."""
    has_purchases = bool(store.value("SELECT 1 FROM events WHERE kind = 'purchase' LIMIT 1"))
    basis = "purchase" if has_purchases else "review"
    missing: dict[str, str] = {}
    people = _people(store, space, basis)
    people = people.join(_returns(store, space, missing)).reindex(people.index)
    moods, mood_basis = _moods(store, space)
    bought = _bought(store, space, basis)
    titles = dict(store.rows("SELECT product_id, coalesce(nullif(title, ''), product_id) FROM products"))
    word_basis = _word_basis(store, space)
    if used is None:
        used = words_used(store, space) if word_basis == REVIEWS else words_of_titles(bought, titles)
    languages = _languages(store, space)
    days = int(space.version.recipe.get("return_days", DAYS))
    labels = labels_of_users(store, space, bought)
    made = Behaviour(
        people, bought, used, moods, languages, titles, basis, mood_basis, word_basis, missing, days, labels, own_labels(space)
    )
    _say_what_is_missing(made)
    return made


def _say_what_is_missing(made: Behaviour) -> None:
    if made.basis == "review":
        made.missing["purchases"] = "the shop has no purchases, so reviews stand for them"
    if made.people["value"].isna().all():
        made.missing["revenue"] = "no purchase has a price"
    if made.bought["category"].isna().all():
        made.missing["categories"] = "no product that users have has a category"
    if made.words.empty:
        made.missing["words"] = "no user of these has written a review, and no product has a title"
    if made.moods.empty:
        made.missing["sentiment"] = "no user of these has written a review with a text or stars"
    if made.languages.empty:
        made.missing["languages"] = "no review has a language"


def _people(store: Store, space: Space, basis: str) -> pd.DataFrame:
    """What counts a user. Of a product that is sent back without a purchase (some shops' exports turn the line of a
    refunded order into a return) as many pieces were had as went back."""
    sql = f"""
    WITH known AS (SELECT user_id FROM {space.table("users")}),
    today AS (SELECT max(happened_at) AS day FROM histories WHERE {happened("happened_at")}),
    counted AS (
        SELECT h.user_id,
               count(DISTINCT coalesce(e.order_id, h.happened_at::DATE::VARCHAR)) FILTER (h.kind = 'purchase') AS orders,
               sum(coalesce(h.quantity, 1) * coalesce(h.price, p.price)) FILTER (h.kind = 'purchase') AS value,
               avg(coalesce(h.price, p.price)) FILTER (h.kind = $basis) AS price,
               max(h.happened_at) AS last,
               count(DISTINCT h.product_id) FILTER (h.kind = 'view') AS viewed,
               count(DISTINCT h.product_id) FILTER (h.kind = 'purchase') AS taken,
               avg(h.rating) AS stars,
               count(*) FILTER (h.kind = 'review') AS reviews
        FROM histories h JOIN known USING (user_id)
        LEFT JOIN products p USING (product_id)
        LEFT JOIN events e ON h.kind <> 'review' AND e.event_id = h.row_key
        GROUP BY h.user_id),
    by_product AS (
        SELECT user_id, coalesce(sum(abs(coalesce(quantity, 1))) FILTER (kind = 'return'), 0) AS sent,
               coalesce(sum(coalesce(quantity, 1)) FILTER (kind = 'purchase'), 0) AS kept
        FROM histories SEMI JOIN known USING (user_id) GROUP BY user_id, product_id),
    pieces AS (SELECT user_id, sum(sent) AS sent_back, sum(greatest(sent, kept)) AS had FROM by_product GROUP BY user_id)
    SELECT user_id, CASE WHEN $basis = 'purchase' THEN coalesce(orders, 0) END AS orders,
           value, price, CASE WHEN last IS NOT NULL THEN greatest(0, date_diff('day', last, today.day)) END AS recency,
           CASE WHEN taken > 0 AND (SELECT max(viewed) FROM counted) > 0 THEN viewed / taken END AS views,
           CASE WHEN had > 0 AND (SELECT max(sent_back) FROM pieces) > 0 THEN sent_back / had END AS returned,
           stars, CASE WHEN (SELECT max(reviews) FROM counted) > 0 THEN coalesce(reviews, 0) END AS reviews
    FROM known LEFT JOIN counted USING (user_id) LEFT JOIN pieces USING (user_id), today ORDER BY user_id"""
    return store.frame(sql, {"basis": basis}).set_index("user_id").astype(float)


def _returns(store: Store, space: Space, missing: dict[str, str]) -> pd.DataFrame:
    labels = space.labels("return") if space.has_task("return") else []
    if "returns" not in labels:
        reason = space.version.metrics.get("left_out", {}).get("return", "the model was not taught it")
        missing["return probability"] = str(reason)
        return pd.DataFrame({"returns": pd.Series(dtype=float)})
    sql = f"SELECT key AS user_id, probabilities[?] AS returns FROM {space.table('predictions_return')}"
    return store.frame(sql, [labels.index("returns") + 1]).set_index("user_id").astype(float)


def _bought(store: Store, space: Space, basis: str) -> pd.DataFrame:
    """Pairs of user and product; the category is the most general level that tells three or more kinds apart."""
    sql = f"""
    SELECT DISTINCT h.user_id, h.product_id, p.category AS path FROM histories h
    JOIN {space.table("users")} u USING (user_id) LEFT JOIN products p USING (product_id)
    WHERE h.kind = ? ORDER BY ALL"""
    pairs = store.frame(sql, [basis])
    levels = pairs["path"].str.split(" > ")
    for depth in range(_LEVELS):
        pairs["category"] = levels.map(lambda path, depth=depth: path[min(depth, len(path) - 1)] if isinstance(path, list) else None)
        if pairs["category"].nunique() >= 3:
            break
    return pairs[["user_id", "product_id", "category"]]


def _word_basis(store: Store, space: Space) -> str:
    """Where words are read from: what users wrote, or, where none did, what the products they have are called."""
    wrote = store.value(f"SELECT 1 FROM reviews r JOIN {space.table('users')} USING (user_id) WHERE r.body <> '' LIMIT 1")
    return REVIEWS if wrote else TITLES


def words_of_titles(bought: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """(user_id, word): who has a product with this word in its title, each pair once."""
    named = {product: titles[product] for product in bought["product_id"].unique() if titles.get(product, product) != product}
    spoken = {product: sorted(words(title)) for product, title in named.items()}
    told = bought[["user_id"]].assign(word=bought["product_id"].map(spoken)).explode("word").dropna()
    return told.drop_duplicates().astype("str").reset_index(drop=True)


def words_used(store: Store, space: Space) -> pd.DataFrame:
    """(user_id, word): which user used which word in any review, each pair once, from the newest reviews."""
    sql = f"""
    SELECT r.user_id, concat_ws(' ', r.title, r.body) AS text FROM reviews r JOIN {space.table("users")} u USING (user_id)
    ORDER BY r.created_at DESC NULLS LAST, r.review_id LIMIT ?"""
    used: set[tuple[str, str]] = set()
    for user, text in store.rows(sql, [MOST_REVIEWS]):
        used.update((user, word) for word in words(text))
    return pd.DataFrame(sorted(used), columns=["user_id", "word"], dtype="str")


def _moods(store: Store, space: Space) -> tuple[pd.DataFrame, str]:
    label, joined = label_sql(space)
    counts = ", ".join(f"count(*) FILTER (mood = '{mood}') AS {mood}" for mood in ("negative", "neutral", "positive"))
    sql = f"""
    WITH moods AS (SELECT r.user_id, {label} AS mood FROM reviews r JOIN {space.table("users")} u USING (user_id) {joined})
    SELECT user_id, {counts} FROM moods WHERE mood IS NOT NULL GROUP BY user_id ORDER BY user_id"""
    return store.frame(sql), source(space)


def _languages(store: Store, space: Space) -> pd.DataFrame:
    sql = f"""
    SELECT user_id, language, count(*) AS n FROM reviews JOIN {space.table("users")} USING (user_id)
    WHERE language <> '' GROUP BY ALL ORDER BY ALL"""
    return store.frame(sql)
