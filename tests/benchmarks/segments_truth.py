"""How well the segments of the active version recover the sample shop's planted kinds of users.

    python tests/benchmarks/segments_truth.py --home DIR [--json]

Only this folder may read `truth.json`. Target: an adjusted Rand index of at least 0.6.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.insights import segments
from workbench.registry import Registry
from workbench.shop.space import Space
from workbench.shop.store import open_for_reading

TARGET = 0.6


def measure(home: Home) -> dict[str, Any]:
    """ARI with unclear users counted with their neighbours, as a group of their own, and left out; kinds in each segment."""
    kinds: dict[str, str] = json.loads((home.sample / "truth.json").read_text("utf-8"))["users"]
    version = Registry(home).active()
    if version is None:
        raise WorkbenchError("No model version is active.", "Train one: workbench train")
    store, _ = open_for_reading(home)
    with store:
        found = segments.load(store, Space(store, version))
    if found is None:
        raise WorkbenchError(f"The segments of {version.id} have not been made.", "Open the page Segments and press “Find segments”.")
    members = found.members[found.members["user_id"].isin(list(kinds))]
    truth = [kinds[user] for user in members["user_id"]]
    shown, core = members["segment"].tolist(), members["core"].tolist()
    alone = [s if clear else -1 for s, clear in zip(shown, core, strict=True)]
    clear = [i for i, c in enumerate(core) if c]
    return {
        "version": version.id,
        "users": len(members),
        "ari": adjusted_rand_score(truth, shown),
        "ari_noise_as_its_own": adjusted_rand_score(truth, alone),
        "ari_without_noise": adjusted_rand_score([truth[i] for i in clear], [shown[i] for i in clear]),
        "nmi": normalized_mutual_info_score(truth, shown),
        "target": TARGET,
        "noise": found.noise,
        "stability": found.stability,
        "segments": {
            s.name: {"size": s.size, "kinds": dict(Counter(t for t, m in zip(truth, shown, strict=True) if m == s.id).most_common())}
            for s in found.segments
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        found = measure(Home.find(given.home))
    except (WorkbenchError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(found, ensure_ascii=False))
        return 0
    for name in ("ari", "ari_noise_as_its_own", "ari_without_noise", "nmi", "noise", "stability"):
        print(f"{name:22} {found[name]:.3f}")
    for name, segment in found["segments"].items():
        print(f"{segment['size']:6,}  {name}: {', '.join(f'{kind} {n}' for kind, n in segment['kinds'].items())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
