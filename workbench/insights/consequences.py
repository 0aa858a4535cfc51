"""What promoting a version would change for the business, with examples of each, beside the version that is active."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.insights import alerts, segments
from workbench.insights.alerts import Alert
from workbench.insights.catalogue import about, best, catalogue
from workbench.insights.changes import PREFIX, changes
from workbench.insights.history import histories_of
from workbench.shop.space import ENTITIES, Space
from workbench.shop.store import Store

USERS = 200
BEST = 10
EXAMPLES = 10
_DIRECTIONS = """
SELECT before.label AS before, after.label AS after, count(*) AS rows
FROM {before} before JOIN {after} after USING (key) WHERE before.label <> after.label
GROUP BY ALL ORDER BY rows DESC, before, after
"""
_EXAMPLES = """
SELECT r.review_id, before.label AS before, after.label AS after, after.probability,
       concat_ws('. ', nullif(r.title, ''), nullif(r.body, '')) AS text
FROM {before} before JOIN {after} after USING (key) JOIN reviews r ON r.review_id = key
WHERE before.label <> after.label ORDER BY after.probability DESC, key LIMIT ?
"""


@dataclass(frozen=True)
class Consequences:
    """Each as a table; empty where both versions say the same or one of them does not say it.

    `tasks`: task, rows, changed, share. `sentiment`: before, after, rows; `reviews`: examples. `alerts`: what (would fire,
    would not fire, would fire earlier or later), where, before and after (the day that each version raises it), began,
    ended, share, baseline, n (by the later version where both raise it). `moved`: user_id, before, after, of `users` that both know.
    `items`: user_id, product_id, product, what (gone, new) over the top 10 of `asked` users, of whom `touched` see
    another; on average `replaced` of ten change.
    """

    tasks: pd.DataFrame
    sentiment: pd.DataFrame
    reviews: pd.DataFrame
    alerts: pd.DataFrame
    moved: pd.DataFrame
    users: int
    items: pd.DataFrame
    asked: int
    touched: int
    replaced: float

    def json(self) -> dict[str, Any]:
        """The document of `workbench changes`."""
        return {
            "tasks": _records(self.tasks),
            "sentiment": _records(self.sentiment),
            "reviews": _records(self.reviews),
            "alerts": _records(self.alerts),
            "segments": {"users": self.users, "moved": len(self.moved), "examples": _records(self.moved.head(EXAMPLES))},
            "recommendations": {
                "asked": self.asked,
                "touched": self.touched,
                "replaced_of_ten": self.replaced,
                "examples": _records(self.items.head(2 * EXAMPLES)),
            },
        }

    def sentences(self) -> list[str]:
        """All of it in plain words."""
        said = [_mood(self.sentiment)] if len(self.sentiment) else []
        fire, silent, earlier, later = ((self.alerts["what"] == what).sum() for what in (FIRE, SILENT, EARLIER, LATER))
        if fire or silent:
            said.append(f"Of past alerts {silent} would not have fired, {fire} others would have.")
        if earlier or later:
            said.append(f"Of past alerts that both raise, {earlier} would have fired earlier and {later} later.")
        if self.users:
            said.append(f"{len(self.moved):,} of {self.users:,} users change their segment.")
        if self.asked:
            said.append(
                f"{self.touched:,} of {self.asked:,} users would see another top {BEST}; on average {self.replaced:.1f} of {BEST} change."
            )
        return said


FIRE, SILENT, EARLIER, LATER = "would fire", "would not fire", "would fire earlier", "would fire later"


def consequences(store: Store, before: Space, after: Space) -> Consequences:
    """What changes from the space of one version to that of another, over the shop as it is."""
    both = before.has_task("sentiment") and after.has_task("sentiment")
    tables = {"before": before.table(f"{PREFIX}sentiment"), "after": after.table(f"{PREFIX}sentiment")}
    moved, users = segments_changed(store, before, after)
    return Consequences(
        changes(before, after),
        store.frame(_DIRECTIONS.format(**tables)) if both else _empty("before", "after", "rows"),
        store.frame(_EXAMPLES.format(**tables), [EXAMPLES]) if both else _empty("review_id", "before", "after", "probability", "text"),
        alerts_changed(store, before, after),
        moved,
        users,
        *items_changed(store, before, after),
    )


def alerts_changed(store: Store, before: Space, after: Space) -> pd.DataFrame:
    """Past alerts that would have fired by one version only, or on another day: one is the same where scope and time overlap."""
    old, new = (alerts.find(store, space).alerts for space in (before, after))
    found: list[tuple[str, Alert | None, Alert | None]] = []
    for alert in old:
        again = min((other for other in new if _same(alert, other)), key=lambda other: other.raised, default=None)
        if again is None:
            found.append((SILENT, alert, None))
        elif again.raised != alert.raised:
            found.append((EARLIER if again.raised < alert.raised else LATER, alert, again))
    found += [(FIRE, None, alert) for alert in new if not any(_same(alert, other) for other in old)]
    rows = [(what, *_told(a, b)) for what, a, b in found]
    return pd.DataFrame(rows, columns=["what", "where", "before", "after", "began", "ended", "share", "baseline", "n"])


def _told(old: Alert | None, new: Alert | None) -> tuple[Any, ...]:
    """What a row says of an alert by both versions; one of them raises it at least."""
    alert = new or old
    assert alert is not None
    days = (old.raised if old else None, new.raised if new else None)
    return _where(alert), *days, alert.began, alert.ended, alert.share, alert.baseline, alert.n


def _same(one: Alert, other: Alert) -> bool:
    return one.scope == other.scope and one.began <= other.ended and other.began <= one.ended


def _where(alert: Alert) -> str:
    return ", ".join(alert.scope.values()) or "the whole shop"


def segments_changed(store: Store, before: Space, after: Space) -> tuple[pd.DataFrame, int]:
    """(user_id, before, after of the users that move, how many both know). Groups are matched so that most users stay.

    Nothing where a version has no segments yet.
    """
    from scipy.optimize import linear_sum_assignment

    old, new = segments.load(store, before), segments.load(store, after)
    if old is None or new is None:
        return _empty("user_id", "before", "after"), 0
    both = old.members[["user_id", "segment"]].merge(new.members[["user_id", "segment"]], on="user_id", suffixes=("_old", "_new"))
    table = pd.crosstab(both["segment_old"], both["segment_new"])
    rows, columns = linear_sum_assignment(-table.to_numpy())
    partner = dict(zip(table.index[rows], table.columns[columns], strict=True))
    moved = both[both["segment_old"].map(partner) != both["segment_new"]].sort_values("user_id")
    named = {"before": moved["segment_old"].map(old.name), "after": moved["segment_new"].map(new.name)}
    return pd.DataFrame({"user_id": moved["user_id"], **named}).reset_index(drop=True), len(both)


def items_changed(store: Store, before: Space, after: Space) -> tuple[pd.DataFrame, int, int, float]:
    """(examples, users asked, users with another top 10, of ten how many change) over users drawn by a hash."""
    users = _users(store, before, after)
    made = _empty("user_id", "product_id", "product", "what")
    if not users:
        return made, 0, 0, 0.0
    lists = [_tops(store, space, users) for space in (before, after)]
    gone = {user: [key for key in lists[0][user] if key not in lists[1][user]] for user in users}
    new = {user: [key for key in lists[1][user] if key not in lists[0][user]] for user in users}
    rows = [
        (user, key, what)
        for user in [user for user in users if new[user]][:EXAMPLES]
        for what, keys in (("gone", gone[user]), ("new", new[user]))
        for key in keys
    ]
    told = about(store, sorted({key for _, key, _ in rows}))
    made = pd.DataFrame([(user, key, told[key].short, what) for user, key, what in rows], columns=made.columns)
    return made, len(users), sum(bool(keys) for keys in new.values()), float(np.mean([len(keys) for keys in new.values()]))


def _users(store: Store, before: Space, after: Space) -> list[str]:
    if not all({"users", "products"} <= space.tables() for space in (before, after)):
        return []
    key, tables = ENTITIES["users"], [space.table("users") for space in (before, after)]
    sql = f"SELECT {key} FROM {tables[0]} a JOIN {tables[1]} b USING ({key}) ORDER BY md5({key}) LIMIT {USERS}"
    return [user for (user,) in store.rows(sql)]


def _tops(store: Store, space: Space, users: Sequence[str]) -> dict[str, list[str]]:
    """The best ten of each user, as the page Recommendations shows them: what they had is left out."""
    products = catalogue(space)
    ids, vectors = space.vectors("users", users)
    steps = histories_of(store, ids)
    made = {}
    for user, vector in zip(ids, vectors, strict=True):
        had = steps.get(user, [])
        scores = products.scores(vector, had)
        scores[[products.place[key] for key in products.known(step.product_id for step in had)]] = -np.inf
        made[user] = [products.ids[i] for i in best(scores, BEST)]
    return made


def _mood(sentiment: pd.DataFrame) -> str:
    total = int(sentiment["rows"].sum())
    listed = ", ".join(f"{row.rows:,} from {row.before} to {row.after}" for row in sentiment.head(3).itertuples())
    return f"{total:,} {'review changes its' if total == 1 else 'reviews change their'} sentiment: {listed}."


def _empty(*columns: str) -> pd.DataFrame:
    return pd.DataFrame(columns=list(columns))


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
