"""Names of people inside sentences: found by what people write before them, and by the row's own column of a name.

Precise rather than complete: "I am Anna" alone is no sure sign (neither is "I am Happy"), "my name is Anna" and "I am Anna Smith"
are. Words that stand in such places without being names are passed over.
"""

from __future__ import annotations

from workbench.shop.store import Connection

_WORD = r"\p{Lu}[\p{L}'’\-]*\p{Ll}"
_ONE = rf"{_WORD}(?: (?:\p{{Lu}}\. |(?:van|von|de|der|del|la|di|da|bin|al) ){{0,2}}{_WORD}){{0,2}}"
_TWO = rf"{_WORD} (?:\p{{Lu}}\. |(?:van|von|de|der|del|la|di|da|bin|al) ){{0,2}}{_WORD}"
_CAPITALS = r"\p{Lu}{2,}"
_TITLE = r"(?:[Mm]r|[Mm]rs|[Mm]s|[Mm]iss|[Dd]r|[Hh]errn?|[Ff]rau|[Mm]onsieur|[Mm]adame|[Ss]eñora?)\.?"
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏"
    "韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
_SAID = r"(?i:my name is|my name['’]s|mein name ist|ich hei(?:ß|ss)e|je m['’]appelle|mon nom est|me llamo|mi nombre es)"
_SPOKE = r"(?i:\b(?:spoke|talked|speaking) (?:to|with)|\bask(?:ed)? for)"
_BEING = rf"(?:(?i:\bi am|\bi['’]m|\bje suis|\bsoy|\bich bin)|{_SPOKE})"
_END = r"[.!]?\s*(?:$|[\n\r\[])"
_BYE = (
    r"(?i:\b(?:(?:kind|best|warm) )?regards|\bsincerely(?: yours)?|\byours (?:truly|faithfully|sincerely)|\bbest wishes|\bmany thanks|"
    r"\b(?:mit )?freundlichen gr(?:ü|ue)(?:ß|ss)en|\bviele gr(?:ü|ue)(?:ß|ss)e|\bcordialement|\bsaludos)"
)
_BESIDE = "[^A-Za-zÀ-ɏͰ-ԯ]"  # no letter; a class of all letters costs milliseconds, for the pattern of each name is made anew
ONE_OR_MORE = (
    rf"{_SAID}:? ({_ONE})",
    rf"MY NAME IS ({_CAPITALS}(?: {_CAPITALS}){{0,2}})\b",
    rf"(?i:(?:^|[\n\r])name|\b(?:customer|contact|full|recipient|buyer)(?:['’]s)? name) ?[:：] ?({_ONE})",
    rf"\b[Dd]ear (?:{_TITLE} )?({_ONE}) ?[,!:\n\r]",
    rf"{_SPOKE} {_TITLE} ({_ONE})",
    rf"\b(?:[Dd]ear|[Hh]i|[Hh]ello|[Ss]ehr geehrter?) {_TITLE} ({_ONE})",
    rf"{_BYE}[,.!]?\s+({_ONE}){_END}",
    rf"(?i:\b(?:thanks|thank you|cheers|best))[,.!]?[ \t]*[\n\r]\s*({_ONE}){_END}",
    rf"(?:我叫|我的名字是|我的名字叫|本人叫|(?:姓名|收货人|联系人|收件人)(?:是|：|:)?) ?([{_SURNAMES}]\p{{Han}}{{1,2}})(?:[^\p{{Han}}]|$)",
)
TWO_OR_MORE = (rf"{_BEING} (?:{_TITLE} )?({_TWO})", rf"(?:^|[\n\r])(?:Hi|Hello|Hey) ({_TWO}) ?[,!\n\r]")
_CUES = (
    r"(?i:name|hei(?:ß|ss)e|appelle|llamo|\bi am |\bi['’]m |je suis |soy |ich bin |(?:spoke|talked|speaking) |ask|dear |"
    r"\bhi |hello |geehrte|regards|sincerely|yours|wishes|thanks|gr(?:ü|ue)(?:ß|ss)e|cordialement|saludos|"
    r"thank you|cheers|\bbest|\bhey )|我叫|名|收货人|联系人|收件人"
)
_NO_NAMES = (
    "a able about absolutely african again all also am amazed amazon american an and angry another any anyone as asian at awesome",
    "bad beginner best beyond big black both british but buyer by caucasian cheap cheers chinese company customer customers day",
    "disappointed doc ebay english european everyone excellent expert extremely fan fi first folks for french friend friends from",
    "fully german glad god going good great guitar guys half happy hard heavy hello here high highly hispanic i if impressed in",
    "indian irish is it italian japanese jewish just kindle korean ladies lady latina latino long lord lover low lucky madam man",
    "management manager many me mexican money more most mother musician my native never new nice no not now of old on one only or",
    "our over owner parent part perfect player pleased pretty price pro product proud quality really recommended regards right",
    "sad santa satisfied self seller sellers service shocked short sir sirs so sorry spanish still store student super support",
    "sure surprised teacher team thank thankful thanks that the their there these they this those to too totally truly unhappy",
    "upset user value vendor very was well what when white with without woman wonderful works you your",
)
NO_NAMES = [word for line in _NO_NAMES for word in line.split()]


def _all(patterns: tuple[str, ...]) -> str:
    """The expression for what the patterns find in `x`."""
    return " || ".join(f"regexp_extract_all(x, '{_sql(pattern)}', 1)" for pattern in patterns)


def _sql(pattern: str) -> str:
    return pattern.replace("'", "''")


MACROS = rf"""
CREATE OR REPLACE TEMP MACRO is_name(n) AS length(n) > 1 AND NOT list_has_any(string_split(lower(n), ' '), {NO_NAMES!r});
CREATE OR REPLACE TEMP MACRO begun_by(n) AS
  list_filter([n, regexp_extract(n, '^\S+ \S+'), regexp_extract(n, '^\S+')], lambda m: is_name(m))[1];
CREATE OR REPLACE TEMP MACRO names_of(x) AS list_distinct(
  list_filter(list_transform(list_distinct({_all(ONE_OR_MORE)}), lambda n: begun_by(n)), lambda n: n IS NOT NULL)
  || list_filter(list_distinct({_all(TWO_OR_MORE)}), lambda n: is_name(n)));
CREATE OR REPLACE TEMP MACRO without_name(x, name) AS CASE WHEN regexp_matches(name, '\p{{Han}}') THEN replace(x, name, '[name]')
  ELSE regexp_replace(x, '(^|{_BESIDE})' || regexp_escape(name) || '($|{_BESIDE})', '\1[name]\2', 'g') END;
CREATE OR REPLACE TEMP MACRO without_names(x) AS CASE WHEN regexp_matches(x, '{_sql(_CUES)}')
  THEN list_reduce(list_prepend(x, names_of(x)), lambda done, n: without_name(done, n)) ELSE x END;
CREATE OR REPLACE TEMP MACRO without_own_name(x, own) AS CASE
  WHEN regexp_matches(own, '^[{_SURNAMES}]\p{{Han}}{{1,2}}$') THEN replace(x, own, '[name]')
  WHEN contains(own, ' ') AND contains(lower(x), lower(own)) AND NOT list_has_all({NO_NAMES!r}, string_split(lower(own), ' '))
  THEN regexp_replace(x, '(^|{_BESIDE})' || regexp_escape(own) || '($|{_BESIDE})', '\1[name]\2', 'gi') ELSE x END;
"""


def prepare(cursor: Connection) -> None:
    """Define `without_names(text)` and `without_own_name(text, name)` for this cursor."""
    cursor.execute(MACROS)
