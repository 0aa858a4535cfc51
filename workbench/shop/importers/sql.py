"""The SQL that turns a file's texts into typed values: temporary macros, and an expression for each canonical type."""

from __future__ import annotations

from workbench.shop.importers.reading import DateOrder, Decimal
from workbench.shop.markup import TAG
from workbench.shop.schema import EVENT_KINDS, Column
from workbench.shop.store import Connection

_MONEY = "[€$£¥￥₹₽]|USD|EUR|GBP|CNY|RMB|CHF|元|円|kr|zł"
_WORDS = {  # frequent words of each language, and letters that it alone of these has; where they are as many, the first counts
    "en": (r"the|and|is|it|not|i|with|for|on|of|to|was|has|but|very|never|my|this|are|have|good|great", ""),
    "de": (r"und|nicht|ist|der|die|das|ich|ein|eine|mit|für|auf|den|dem|sehr|nie|wieder|nach|zu|es|im|von|hat|aber|auch|gut|bei", "äöüß"),
    "fr": (r"le|la|les|et|est|pas|très|je|un|une|avec|pour|que|qui|mais|des|du|en|ce|bien|il|elle", "çèêœù"),
    "es": (r"el|la|los|las|y|es|no|muy|un|una|con|para|que|pero|de|en|lo|me|bien|por|su", "ñ¿¡"),
}
_FOREIGN = (
    r"(?i)\b(?:und|nicht|ist|der|das|ich|sehr|nie|wieder|für|nach|zu|eine|mit|auf|est|les|une|pas|très|avec|muy|los|una|pero|que|con)\b"
    r"|[äöüßçèêœùñ¿¡]"
)
_UNIT = "(?:[.,]0)?\\s*(?:stars?|points?|sternen?|punkten?|étoiles|星|分)?"
_SHARE = f"^\\s*(\\d+(?:[.,]\\d+)?)\\s*(?:(?:/|out of|of|von|sur|de)\\s*(10|20|100){_UNIT}|%|percent|per cent|pct|prozent)\\s*$"
_ENTITIES = {"&#34;": '"', "&quot;": '"', "&#39;": "''", "&apos;": "''", "&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&amp;": "&"}


def _unescaped(x: str) -> str:
    for entity, character in _ENTITIES.items():
        x = f"replace({x}, '{entity}', '{character}')"
    return x


def _tellings() -> list[str]:
    """For each language the expression that counts its words and letters in the lower-case text `x`."""
    told = [rf"\b(?:{words})\b" + (f"|[{letters}]" if letters else "") for words, letters in _WORDS.values()]
    return [f"len(regexp_extract_all(x, '{pattern}'))" for pattern in told]


MACROS = f"""
CREATE OR REPLACE TEMP MACRO html_text(x) AS nullif(trim(CASE WHEN x LIKE '%<%' OR x LIKE '%&%'
  THEN {_unescaped(f"regexp_replace(x, '{TAG}', ' ', 'g')")} ELSE x END), '');
CREATE OR REPLACE TEMP MACRO epoch_time(x) AS
  CAST(make_timestamp(CASE WHEN length(x) > 17 THEN TRY_CAST(x AS BIGINT) // 1000 WHEN length(x) > 14 THEN TRY_CAST(x AS BIGINT)
    WHEN length(x) > 11 THEN TRY_CAST(x AS BIGINT) * 1000 ELSE TRY_CAST(x AS BIGINT) * 1000000 END) AS VARCHAR);
CREATE OR REPLACE TEMP MACRO price_of(x) AS nullif(replace(regexp_extract(x, '\\d[\\d,]*\\.?\\d*'), ',', ''), '');
CREATE OR REPLACE TEMP MACRO most_common(x) AS mode(x ORDER BY x);
CREATE OR REPLACE TEMP MACRO in_order(x) AS list_filter(x, lambda e, i: list_position(x, e) = i);
CREATE OR REPLACE TEMP MACRO strings_of(x) AS
  CASE WHEN x LIKE '%"%' THEN regexp_extract_all(x, '"((?:[^"\\\\]|\\\\.)*)"', 1) ELSE regexp_extract_all(x, '''([^'']*)''', 1) END;
CREATE OR REPLACE TEMP MACRO path_of(x) AS CASE WHEN x LIKE '[%'
  THEN html_text(array_to_string(in_order(strings_of(regexp_extract(x, '^\\[+[^\\]]*'))), ' > ')) ELSE html_text(x) END;
CREATE OR REPLACE TEMP MACRO joined_of(x) AS
  CASE WHEN x LIKE '[%' THEN html_text(array_to_string(strings_of(x), ' ')) ELSE html_text(x) END;
CREATE OR REPLACE TEMP MACRO finite(x) AS CASE WHEN isfinite(x) THEN x END;
CREATE OR REPLACE TEMP MACRO bare(x) AS
  regexp_replace(trim(x), '^(?:{_MONEY})\\s*|\\s*(?:{_MONEY})$', '', 'g');
CREATE OR REPLACE TEMP MACRO number_point(x) AS TRY_CAST(CASE
  WHEN regexp_matches(bare(x), '^[-+]?(\\d{{1,3}}([ ,''’\\x{{a0}}]\\d{{3}})+|\\d*)(\\.\\d+)?$')
  THEN regexp_replace(bare(x), '[ ,''’\\x{{a0}}]', '', 'g') END AS DOUBLE);
CREATE OR REPLACE TEMP MACRO number_comma(x) AS TRY_CAST(CASE
  WHEN regexp_matches(bare(x), '^[-+]?(\\d{{1,3}}([ .''’\\x{{a0}}]\\d{{3}})+|\\d*)(,\\d+)?$')
  THEN replace(regexp_replace(bare(x), '[ .''’\\x{{a0}}]', '', 'g'), ',', '.') END AS DOUBLE);
CREATE OR REPLACE TEMP MACRO stars_of(x) AS coalesce(
  TRY_CAST(replace(nullif(regexp_extract(lower(x),
    '^\\s*(\\d(?:[.,]\\d+)?)\\s*(?:/ ?5{_UNIT}|(?:out )?of 5.*|von 5.*|stars?|sterne?|星)\\s*$', 1), ''), ',', '.') AS DOUBLE),
  CASE WHEN regexp_matches(x, '^\\s*★[★☆]{{0,4}}½?\\s*$') THEN length(x) - length(replace(x, '★', '')) + contains(x, '½')::INT * 0.5 END);
CREATE OR REPLACE TEMP MACRO out_of(v, most) AS CASE WHEN v BETWEEN 0 AND most THEN round(1 + 4 * v / most, 2) END;
CREATE OR REPLACE TEMP MACRO told_share(x) AS out_of(
  TRY_CAST(replace(nullif(regexp_extract(lower(x), '{_SHARE}', 1), ''), ',', '.') AS DOUBLE),
  coalesce(TRY_CAST(nullif(regexp_extract(lower(x), '{_SHARE}', 2), '') AS DOUBLE), 100));
CREATE OR REPLACE TEMP MACRO halved(x, sign) AS
  CASE WHEN contains(x, '½') THEN regexp_replace(x, '^\\s*(\\d+) ?½', '\\1' || sign || '5') ELSE x END;
CREATE OR REPLACE TEMP MACRO full_year(t) AS CASE WHEN t >= TIMESTAMP '1000-01-01' THEN t END;
CREATE OR REPLACE TEMP MACRO in_stars(n) AS CASE WHEN n BETWEEN 1 AND 5 THEN n END;
CREATE OR REPLACE TEMP MACRO on_scale(n, low, high) AS
  CASE WHEN low = 1 AND high = 5 THEN in_stars(n) WHEN n BETWEEN low AND high THEN round(1 + 4 * (n - low) / (high - low), 2) END;
CREATE OR REPLACE TEMP MACRO stars(n, x, low, high) AS
  CASE WHEN n IS NULL THEN coalesce(in_stars(stars_of(x)), told_share(x)) ELSE on_scale(n, low, high) END;
CREATE OR REPLACE TEMP MACRO script_of(x) AS CASE WHEN strlen(x) = length(x) THEN NULL
  WHEN regexp_matches(x, '[\\p{{Hiragana}}\\p{{Katakana}}]') THEN 'ja' WHEN regexp_matches(x, '\\p{{Han}}') THEN 'zh'
  WHEN regexp_matches(x, '\\p{{Hangul}}') THEN 'ko' WHEN regexp_matches(x, '\\p{{Cyrillic}}') THEN 'ru'
  WHEN regexp_matches(x, '\\p{{Arabic}}') THEN 'ar' END;
CREATE OR REPLACE TEMP MACRO most_words(x) AS list_transform([[{", ".join(_tellings())}]],
  lambda found: {list(_WORDS)}[list_position(found, list_max(found))])[1];
CREATE OR REPLACE TEMP MACRO words_of(x) AS CASE WHEN regexp_matches(x, '{_FOREIGN}') THEN most_words(lower(x)) ELSE 'en' END;
CREATE OR REPLACE TEMP MACRO language_of(x) AS coalesce(script_of(left(x, 400)), words_of(left(x, 400)));
"""

_SYNONYMS = {
    "purchase": ("purchase", "order", "buy", "bought", "sale", "transaction"),
    "view": ("view", "click", "pageview", "page_view", "impression"),
    "cart": ("cart", "add_to_cart", "addtocart", "add to cart", "basket"),
    "return": ("return", "returned", "refund"),
}
_DAY_FIRST = ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m.%d.%Y")
_YEAR_FIRST = ("%y/%m/%d", "%y-%m-%d", "%y.%m.%d")
_SHORT_YEAR = "^\\s*\\d{1,2}[/.-]\\d{1,2}[/.-]\\d{2}(\\D|$)"
_CERTAIN = (
    *("%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%m %d, %Y"),
    *("%Y年%m月%d日", "%a, %d %b %Y", "%A, %B %d, %Y"),
)
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S")


BY_SIGN = {  # a purchase of a negative number of pieces is a return of so many
    "kind": "CASE WHEN kind = 'purchase' AND quantity < 0 THEN 'return' ELSE kind END",
    "quantity": "CASE WHEN kind IN ('purchase', 'return') THEN abs(quantity) ELSE quantity END",
}


def prepare(cursor: Connection) -> None:
    """Define the macros for this cursor."""
    cursor.execute(MACROS)


def number(x: str, decimal: Decimal) -> str:
    """The expression that reads text `x` as a number, NULL where it is none."""
    written = f"number_{decimal}({x})"
    return f"coalesce(TRY_CAST({x} AS DOUBLE), {written})" if decimal == "point" else written


def typed(
    column: Column, x: str, dates: DateOrder | None = None, decimal: Decimal = "point", scale: tuple[float, float] = (1.0, 5.0)
) -> str:
    """The expression that gives text `x` the column's type, NULL where it cannot; a rating on a `scale` becomes stars."""
    figure = number(x, decimal)
    if column.name == "kind":
        cases = " ".join(
            f"WHEN lower(trim({x})) IN ({', '.join(repr(s) for s in words)}) THEN '{kind}'" for kind, words in _SYNONYMS.items()
        )
        return f"CASE WHEN {x} IN ({', '.join(map(repr, EVENT_KINDS))}) THEN {x} {cases} END"
    if column.name == "rating":
        return stars(x, decimal, scale)
    if column.type == "DOUBLE":
        return f"finite({figure})"
    if column.type == "INTEGER":
        return f"TRY_CAST({figure} AS INTEGER)"
    if column.type == "BOOLEAN":
        words = "WHEN 'y' THEN true WHEN 'yes' THEN true WHEN 'n' THEN false WHEN 'no' THEN false"
        return f"CASE lower(trim({x})) {words} ELSE TRY_CAST({x} AS BOOLEAN) END"
    if column.type == "TIMESTAMP":
        ordered = _MONTH_FIRST if dates == "monthfirst" else _DAY_FIRST
        two_digits = _YEAR_FIRST if dates == "yearfirst" else tuple(f.replace("%Y", "%y") for f in ordered)
        long, short = _formats((*_CERTAIN, *ordered)), _formats(two_digits)
        written = f"CASE WHEN regexp_matches({x}, '{_SHORT_YEAR}') THEN try_strptime({x}, {short}) ELSE try_strptime({x}, {long}) END"
        epoch = f"CASE WHEN regexp_matches({x}, '^\\d{{10}}(\\d{{3}})?$') THEN TRY_CAST(epoch_time({x}) AS TIMESTAMP) END"
        return f"coalesce(full_year(TRY_CAST({x} AS TIMESTAMP)), {written}, {epoch})"
    if x.startswith("(md5("):
        return x
    return f"nullif(trim({x}), '')"


def stars(x: str, decimal: Decimal, scale: tuple[float, float]) -> str:
    """The expression that reads text `x` as a rating and moves it to stars from 1 to 5, NULL where it is none of the scale."""
    whole = f"halved({x}, '{'.' if decimal == 'point' else ','}')"
    return f"stars({number(whole, decimal)}, {whole}, {scale[0]}, {scale[1]})"


def _formats(days: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{day}{time}'" for day in days for time in _TIMES)
    return f"[{listed}]"


def allowed(column: Column, scale: tuple[float, float] = (1.0, 5.0)) -> str:
    """What a value of the column may be, in words."""
    if column.name == "kind":
        return f"one of {', '.join(EVENT_KINDS)}"
    if column.name == "rating":
        return "stars from 1 to 5, or such as 8/10 or 80%" if scale == (1.0, 5.0) else f"a rating from {scale[0]:g} to {scale[1]:g}"
    return {"DOUBLE": "a number", "INTEGER": "a whole number", "BOOLEAN": "true or false", "TIMESTAMP": "a date"}.get(column.type, "a text")
