"""Under which licence a base is published, as the model card in its folder says."""

from __future__ import annotations

import re
from pathlib import Path


def licence(folder: Path) -> str | None:
    """The value of `license:` at the head of the folder's README.md; None where it says nothing."""
    card = folder / "README.md"
    if not card.exists():
        return None
    head = re.match(r"---\n(.*?)\n---", card.read_text("utf-8", errors="replace"), re.S)
    found = re.search(r"^license:\s*(\S+)\s*$", head.group(1), re.M) if head else None
    return found.group(1) if found else None
