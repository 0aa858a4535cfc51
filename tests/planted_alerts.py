"""How well alerts meet the incidents that were planted into the sample shop."""

from datetime import date, timedelta

from workbench.insights.alerts import Alert

DAYS = 21


def overlaps(a: dict, b: dict, paths: dict) -> bool:
    """Whether two scopes have products in common; `paths` is product to (category, brand)."""

    def holds(scope, product):
        mine = {"product_id": product, "category": paths[product][0], "brand": paths[product][1]}
        return all(mine[k] == v for k, v in scope.items())

    return any(holds(a, p) and holds(b, p) for p in paths)


def days_late(incident: dict, alerts: list[Alert], paths: dict) -> int | None:
    """Days from the incident's beginning to the first alert on it while it lasts; None without one."""
    began, ended = (date.fromisoformat(incident[k]) for k in ("began", "ended"))
    hit = [a.raised for a in alerts if overlaps(a.scope, incident["scope"], paths) and began <= a.raised <= ended + timedelta(days=DAYS)]
    return (min(hit) - began).days if hit else None


def on_decoy(decoy: dict, alerts: list[Alert]) -> list[Alert]:
    """The alerts of a decoy's own scope that begin while it lasts."""
    began, ended = (date.fromisoformat(decoy[k]) for k in ("began", "ended"))
    return [a for a in alerts if a.scope == decoy["scope"] and began <= a.began <= ended + timedelta(days=7)]
