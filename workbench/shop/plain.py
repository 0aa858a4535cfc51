"""A text as labels keep it and models read it: without markup, line ends and doubled spaces."""

from __future__ import annotations

import html
import re

from workbench.shop.markup import TAG

_TAG = re.compile(TAG)


def clean(*parts: str | None) -> str:
    """The parts as one text, without markup and doubled spaces; what is clean stays as it is."""
    text, before = ". ".join(p.strip() for p in parts if p and p.strip()), ""
    while text != before:  # markup may be written as text, twice over: &lt;br&gt;, &amp;lt;br&amp;gt;
        before, text = text, " ".join(html.unescape(_TAG.sub(" ", text)).split())
    return text
