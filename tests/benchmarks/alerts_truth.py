"""How well the alerts of a sample shop meet its planted incidents, and whether its decoys stay unalerted.

    python tests/benchmarks/alerts_truth.py --home DIR [--json]

Only this folder may read `truth.json`. Target: 80 % of the incidents alerted within three weeks, no decoy.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from planted_alerts import DAYS, days_late, on_decoy

from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.insights import alerts
from workbench.registry import Registry
from workbench.shop.space import Space
from workbench.shop.store import open_for_reading


def measure(home: Home) -> dict[str, Any]:
    """For each incident the days until it was alerted (null: never), for each decoy the alerts on it."""
    planted = json.loads((home.sample / "truth.json").read_text("utf-8"))["incidents"]
    version = Registry(home).active()
    store, _ = open_for_reading(home)
    with store:
        found = alerts.find(store, Space(store, version) if version else None).alerts
        paths = dict(store.rows("SELECT product_id, [split_part(category, ' > ', 1), brand] FROM products"))
    real = [{**i, "days": days_late(i, found, paths)} for i in planted if not i["decoy"]]
    decoys = [{**i, "alerts": len(on_decoy(i, found))} for i in planted if i["decoy"]]
    in_time = sum(i["days"] is not None and i["days"] <= DAYS for i in real)
    return {
        "version": version.id if version else None,
        "alerts": len(found),
        "incidents": len(real),
        "alerted_in_time": in_time,
        "share": in_time / len(real),
        "target": 0.8,
        "decoys": len(decoys),
        "decoys_alerted": sum(i["alerts"] > 0 for i in decoys),
        "planted": [*real, *decoys],
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
    print(f"{found['alerted_in_time']} of {found['incidents']} incidents alerted within {DAYS} days; {found['alerts']} alerts in all")
    print(f"{found['decoys_alerted']} of {found['decoys']} decoys alerted")
    for i in found["planted"]:
        result = f"{i['alerts']} alerts" if i["decoy"] else "never" if i["days"] is None else f"after {i['days']} days"
        print(f"{'decoy' if i['decoy'] else 'incident':9} {i['kind']:20} {i['began']}  {result}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
