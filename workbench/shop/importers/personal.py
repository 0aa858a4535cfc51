"""Personal data: found in columns and in texts, masked as rows come in, user ids hashed with a key that stays in the home.

By patterns, in SQL, so that a million reviews cost seconds; a library with language models (Presidio) reads some hundred
texts a second. Names inside sentences are found where something tells them (`names`), columns of names by their headers.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from workbench.home import Home
from workbench.shop.importers import names
from workbench.shop.store import Connection, Store

KINDS = ("mail", "phone", "card", "iban", "id number", "address", "name")
_MAIL = r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}"
_IBAN = r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"
_CARD = r"\b[3-6]\d{3}[ -]?\d{4,6}[ -]?\d{4,5}(?:[ -]?\d{3,4})?\b"
_ID = r"\b[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx]\b|\b\d{3}-\d{2}-\d{4}\b"
_PHONE = "|".join(
    (
        r"(?:\+|\b00)[1-9]\d{0,2}[ .\-/]?(?:\(\d{1,4}\)[ .\-/]?)?\d{2,4}(?:[ .\-/]?\d{2,4}){1,4}\b",
        r"\(\d{3}\) ?\d{3}[-. ]\d{4}\b",
        r"\b\d{3}[-.]\d{3}[-.]\d{4}\b",
        r"\b1[3-9]\d[- ]?\d{4}[- ]?\d{4}\b",
        r"\b0\d{2,4}[ \-/]\d{3,4}[ \-]?\d{4,5}\b",
        r"\b07\d{3} ?\d{3} ?\d{3}\b",
    )
)
_ADDRESS = "|".join(
    (
        r"\b[1-9]\d{0,4}[A-Za-z]? (?:[A-Z][A-Za-z'.]+ ){1,4}"
        r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Square|Terrace)\b",
        r"\b[A-ZÄÖÜ][a-zäöüß]+(?:straße|strasse|str\.|weg|platz|gasse|allee) \d{1,4}[a-z]?\b",
        r"\b\d{1,4},? (?:rue|avenue|boulevard|place|chemin) (?:(?:de|du|des|la|le) )*[A-ZÉ][a-zéèêA-Z'-]+",
        r"[\p{Han}]{2,8}(?:省|市|区|县)[\p{Han}\d]{1,20}?(?:路|街|巷|道|弄)\d{1,5}号(?:[\d\p{Han}]{0,12}?(?:室|楼|单元))?",
    )
)
_FULL_NAME = r"\p{L}[\p{L}\p{M}.'-]*(?:,? \p{L}[\p{L}\p{M}.'-]*)+|\p{Han}{2,4}"
_MAIL_ID = r"""[^@\s<>,;:()"]+@[^@\s<>,;:()"]+\.[^@\s<>,;:()".]+"""
_PHONE_ID = r"\+\d{8,15}|1[3-9]\d{9}"
_PARTS = "[ ()./-]"
_SPACES = "[\\s\u00a0]+"
_LAST_FIRST = "^([^,]+), ?([^,]+)$"
LONGEST_PHONE = 24
_PLACES = (
    r"Str|St\b|Ave|Road|Rd|Lane|Ln|Dr|Boul|Blvd|Court|Ct|Square|Terrace|"
    r"straße|strasse|str\.|weg|platz|gasse|allee|rue|avenue|boulevard|place|chemin|号"
)
_COLUMNS = {
    "mail": r"e.?mail.*|.*e.?mail|mail|邮箱|电子邮件|买家邮箱",
    "phone": r".*phone.*|mobile.*|tel|telephone|fax|.*电话|.*手机号?|联系方式",
    "address": r".*street.*|.*address.*|.*post.?code.*|.*\bzip\b.*|billing.city|shipping.city|地址|.*地址",
    "name": r"(?:first|last|full|given|family|sur|nick|middle|contact|customer|reviewer|buyer|user"
    r"|recipient|billing|shipping|author)[ _.-]?name.*"
    r"|.*name \((?:billing|shipping)\)|surname|reviewername|username"
    r"|(?:customer|reviewer|author|buyer)|姓名|收货人|联系人|买家姓名|收件人|真实姓名|昵称",
    "birthday": r"birth.*|date.of.birth|dob|生日|出生日期",
    "id number": r"ssn|passport.*|id.?card.*|national.id|身份证.*|tax.id|vat.id",
    "card": r"card.?number|credit.?card.*|iban|bank.?account.*|银行卡.*",
    "ip": r"ip|ip.?address",
}


def kind_of(header: str) -> str | None:
    """What personal data a column of this name holds, None where it says nothing."""
    plain = header.strip().lower()
    return next((kind for kind, pattern in _COLUMNS.items() if re.fullmatch(pattern, plain)), None)


def prepare(cursor: Connection, home: Home) -> None:
    """Define `masked(text)`, `one_spelling(id)`, `pseudonym(id)` and the steps of `masked_rows` for this cursor."""
    names.prepare(cursor)
    inner, outer = (bytes(byte ^ pad for byte in key(home).ljust(64, b"\0")).hex() for pad in (0x36, 0x5C))
    cursor.execute(MACROS.format(inner=inner, outer=outer))


def key(home: Home) -> bytes:
    """The key of the pseudonyms, made once; whoever has it and an id can tell the pseudonym."""
    path = home.settings / "pseudonyms.key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32), encoding="ascii")
    return bytes.fromhex(path.read_text(encoding="ascii").strip())


def pseudonym(home: Home, user: str) -> str:
    """The keyed hash (HMAC-SHA-256, shortened) that stands for a user id as it is written; `one_spelling` comes before."""
    import hashlib
    import hmac

    return "u-" + hmac.new(key(home), user.encode(), hashlib.sha256).hexdigest()[:20]


def masked_rows(rows: str, texts: Sequence[str], own: int) -> str:
    """The query `rows` with its columns `texts` without what is personal; it also has the names of people `own_0` to so many.

    Each step is a query of its own: a macro repeats its argument, so that nested ones would read a text many times.
    """
    steps = ("without_patterns({x})", "without_names({x})", *(f"without_own_name({{x}}, own_{i})" for i in range(own)))
    for step in steps if texts else ():
        rows = f"SELECT * REPLACE ({', '.join(f'{step.format(x=name)} AS {name}' for name in texts)}) FROM ({rows})"
    return rows


def own_names(columns: Sequence[str]) -> list[str]:
    """The expressions of the names of people that a row of `raw` has: each such column, and the first with the last name."""
    found = {name.strip().lower(): f"trim(c{i})" for i, name in enumerate(columns) if kind_of(name) == "name"}
    first, last = (next((c for name, c in found.items() if re.search(part, name)), None) for part in ("first|given", "last|family|surname"))
    return [*found.values(), *([f"concat_ws(' ', {first}, {last})"] if first and last else [])]


def masked_texts(store: Store, texts: Sequence[str]) -> list[str]:
    """The texts without what is personal, in their order."""
    with store.cursor() as cursor:
        prepare(cursor, store.home)
        rows = masked_rows("SELECT unnest(?) AS text, unnest(range(?)) AS place", ["text"], 0)
        return [text for (text,) in cursor.execute(f"SELECT text FROM ({rows}) ORDER BY place", [list(texts), len(texts)]).fetchall()]


def one_spelling(user: str) -> str:
    """A user id as it is hashed, the macro `one_spelling` in Python: a mail address small and alone, a phone number without what
    parts it, and an id without figures, which may be a name, with single spaces, straight apostrophes and the last name last.
    """
    if "@" in user:
        found = re.search(_MAIL_ID, user, re.ASCII)
        return (found[0] if found else user).lower()
    if len(user) <= LONGEST_PHONE and re.fullmatch(_PHONE_ID, bare := re.sub(_PARTS, "", user), re.ASCII):
        return bare
    if re.search("[0-9]", user):
        return user
    return re.sub(_LAST_FIRST, r"\2 \1", re.sub(_SPACES, " ", user.replace("’", "'"), flags=re.ASCII))


def user_id(x: str, *, always: bool) -> str:
    """The expression for a user id: hashed always, or only where it has a mail address or is a phone number or a full name; never twice.

    A name is told by itself and not by its column: so one person is the same in every table.
    """
    told = f"regexp_full_match(one_spelling({x}), '{_sql(_FULL_NAME)}|{_PHONE_ID}') OR regexp_matches({x}, '{_sql(_MAIL_ID)}')"
    condition = f"NOT regexp_full_match({x}, 'u-[0-9a-f]{{20}}')" if always else told
    return f"CASE WHEN {condition} THEN pseudonym(one_spelling({x})) ELSE {x} END"


def counts(cursor: Connection, table: str, columns: list[str]) -> dict[str, int]:
    """How many rows have each kind masked in any of the text columns."""
    some = " OR ".join(f"contains({column}, '[')" for column in columns)
    each = ", ".join(f"count(*) FILTER ({' OR '.join(f'contains({c}, {kind!r})' for c in columns)})" for kind in map("[{}]".format, KINDS))
    row = cursor.execute(f"SELECT {each} FROM {table} WHERE {some}").fetchone()
    return {kind: int(n) for kind, n in zip(KINDS, row or (), strict=False) if n}


def _sql(pattern: str) -> str:
    return pattern.replace("'", "''")


def _macro(pattern: str) -> str:
    return _sql(pattern).replace("{", "{{").replace("}", "}}")


MACROS = rf"""
CREATE OR REPLACE TEMP MACRO luhn(d) AS length(d) BETWEEN 14 AND 19 AND list_sum(list_transform(string_split(reverse(d), ''),
  lambda c, i: CASE WHEN i % 2 = 1 THEN c::INT ELSE (c::INT * 2) // 10 + (c::INT * 2) % 10 END)) % 10 = 0;
CREATE OR REPLACE TEMP MACRO cards_of(x) AS
  list_filter(regexp_extract_all(x, '{_macro(_CARD)}'), lambda m: luhn(regexp_replace(m, '[^0-9]', '', 'g')));
CREATE OR REPLACE TEMP MACRO without_cards(x) AS CASE WHEN regexp_matches(x, '{_macro(_CARD)}')
  THEN list_reduce(list_prepend(x, cards_of(x)), lambda done, m: replace(done, m, '[card]')) ELSE x END;
CREATE OR REPLACE TEMP MACRO without_numbers(x) AS CASE WHEN regexp_matches(x, '[0-9][^0-9]?[0-9].?[0-9][^0-9]?.?[0-9][^0-9]?[0-9]')
  THEN regexp_replace(regexp_replace(without_cards(regexp_replace(x, '{_macro(_IBAN)}', '[iban]', 'g')),
    '{_macro(_ID)}', '[id number]', 'g'), '{_macro(_PHONE)}', '[phone]', 'g') ELSE x END;
CREATE OR REPLACE TEMP MACRO without_places(x) AS CASE WHEN regexp_matches(x, '{_macro(_PLACES)}')
  THEN regexp_replace(x, '{_macro(_ADDRESS)}', '[address]', 'g') ELSE x END;
CREATE OR REPLACE TEMP MACRO without_mails(x) AS CASE WHEN contains(x, '@')
  THEN regexp_replace(x, '{_macro(_MAIL)}', '[mail]', 'g') ELSE x END;
CREATE OR REPLACE TEMP MACRO without_patterns(x) AS CASE WHEN regexp_matches(x, '[0-9]')
  THEN without_mails(without_numbers(without_places(x))) ELSE without_mails(x) END;
CREATE OR REPLACE TEMP MACRO masked(x) AS without_names(without_patterns(x));
CREATE OR REPLACE TEMP MACRO one_spelling(x) AS CASE
  WHEN contains(x, '@') THEN lower(coalesce(nullif(regexp_extract(x, '{_macro(_MAIL_ID)}'), ''), x))
  WHEN length(x) <= {LONGEST_PHONE} AND regexp_full_match(regexp_replace(x, '{_PARTS}', '', 'g'), '{_macro(_PHONE_ID)}')
  THEN regexp_replace(x, '{_PARTS}', '', 'g') WHEN regexp_matches(x, '[0-9]') THEN x
  ELSE regexp_replace(regexp_replace(replace(x, '’', ''''), '{_SPACES}', ' ', 'g'), '{_LAST_FIRST}', '\2 \1') END;
CREATE OR REPLACE TEMP MACRO pseudonym(x) AS
  'u-' || left(sha256(from_hex('{{outer}}') || from_hex(sha256(from_hex('{{inner}}') || encode(x)))), 20);
"""
