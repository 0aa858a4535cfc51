"""What a fine-tuning will cost, asked of the encoder in a process of its own: some seconds of warm-up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from workbench.errors import WorkbenchError
from workbench.home import Home

SAMPLE = 64
SECONDS = 240


def estimate(
    home: Home, *, texts: Sequence[str], labels: int, shop: int, parent: str | None, recipe: str, train: str, command: Sequence[str] = ()
) -> dict[str, Any]:
    """`seconds` with `low` and `high`, `memory_mb`, `read_per_second`, `learn_per_second`.

    `texts` are the upload's, `shop` counts those of the shop that are read again. Raises WorkbenchError where it cannot be measured.
    """
    sample = list(texts[:: max(1, len(texts) // SAMPLE)][:SAMPLE])
    spec = {"parent": parent, "recipe": recipe, "train": train, "texts": sample, "rows": len(texts), "labels": labels, "shop": shop}
    asked = [*(command or (sys.executable, "-m", "workbench.encoder.pace")), str(home.root), json.dumps(spec)]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=SECONDS, check=True)
        return dict(json.loads(done.stdout.strip().splitlines()[-1]))
    except (subprocess.SubprocessError, json.JSONDecodeError, IndexError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        raise WorkbenchError(
            f"Time and memory could not be measured: {said[-1] if said else error}.", "Start the fine-tuning; it says what is left."
        ) from error


def in_words(found: dict[str, Any]) -> str:
    """The estimate in a sentence."""
    low, high = (_span(found[name]) for name in ("low", "high"))
    return (
        f"About {low} to {high} and {found['memory_mb'] / 1024:.1f} GB of memory: as busy as this machine is now it reads "
        f"{found['read_per_second']:,.0f} texts a second and learns from {found['learn_per_second']:,.0f}."
    )


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
