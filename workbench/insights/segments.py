"""Who the shop's users are: groups in the joint space with a profile each, made once and kept with the model version.

`derive` takes long (UMAP compiles in every new process) and is for a job; `load` only reads.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import WorkbenchError
from workbench.files import read_json, write_json
from workbench.insights import behaviour, profiles
from workbench.insights.behaviour import Behaviour
from workbench.insights.clusters import SEEDS, Clusters, cluster
from workbench.insights.continued import continued
from workbench.insights.profiles import Profile
from workbench.registry import Registry
from workbench.shop.space import Space
from workbench.shop.store import Store

LEAST_USERS = 50


@dataclass(frozen=True)
class Segment:
    """A group of users: `core` of its `size` were put there by the clustering itself, the others by their neighbours."""

    id: int
    name: str
    size: int
    core: int
    profile: Profile


@dataclass(frozen=True)
class Segments:
    """The segments of one model version at one data version.

    `noise` is the share of users that belong clearly to no group, `stability` the mean adjusted
    Rand index between the runs (1: always the same groups; 0: chance). `folder` holds the tables.
    `since` is the version for which the groups were found, where that is an earlier one.
    """

    segments: list[Segment]
    noise: float
    stability: float
    version: str
    data_version: int
    users: int
    clustered: int
    seeds: int
    least: int
    folder: Path
    since: str = ""

    @cached_property
    def members(self) -> pd.DataFrame:
        """user_id, x, y (the map), segment (-1: none), core (bool), strength (0..1); by user id."""
        return pd.read_parquet(self.folder / f"segments-{self.data_version}.parquet")

    @cached_property
    def words(self) -> pd.DataFrame:
        """user_id, word: what `behaviour.words_used` found when the segments were made."""
        return pd.read_parquet(self.folder / f"segments-words-{self.data_version}.parquet")

    def name(self, segment: int) -> str:
        return next((s.name for s in self.segments if s.id == segment), "No segment")

    def json(self) -> dict[str, Any]:
        """What the command line prints."""
        segments = [{"id": s.id, "name": s.name, "size": s.size, "core": s.core, "profile": s.profile.json()} for s in self.segments]
        members = dict(zip(self.members["user_id"].tolist(), self.members["segment"].tolist(), strict=True))
        return {
            **self._facts(),
            "segments": segments,
            "members": members,
            "unclear": self.members.loc[~self.members["core"], "user_id"].tolist(),
        }

    def _facts(self) -> dict[str, Any]:
        names = ("noise", "stability", "version", "data_version", "users", "clustered", "seeds", "least", "since")
        return {name: getattr(self, name) for name in names}


def known_users(store: Store, space: Space) -> int:
    """How many users the version has read."""
    return int(store.value(f"SELECT count(*) FROM {space.table('users')}")) if "users" in space.tables() else 0


def derive(store: Store, space: Space, report: Callable[[float, str], None]) -> None:
    """Find the segments of all users of the space and keep them beside the version's files.

    A version that has none yet goes on with those of its parent while they hold; one that knows no users has none.
    Raises WorkbenchError where there are too few users to group.
    """
    ids, vectors = space.vectors("users") if "users" in space.tables() else ([], np.zeros((0, 0), np.float32))
    if not ids:
        return
    if len(ids) < LEAST_USERS:
        raise WorkbenchError(
            f"Segments need at least {LEAST_USERS} users with a history; the model version {space.version.id} knows {len(ids)}.",
            "Import more orders or reviews that name their user, then train again.",
        )
    report(0.0, f"reading {len(ids):,} users")
    steadied = steady(store, space, ids, vectors)
    of_parent = _parents(store, space) if load(store, space) is None else None
    found = _continued(store, *of_parent, ids, steadied) if of_parent else None
    since = (of_parent[1].since or of_parent[1].version) if of_parent and found else ""
    found = found or cluster(steadied, lambda share, step: report(0.8 * share / 0.7 if share < 0.7 else 0.85, step))
    report(0.9, "describing the segments")
    save(store, space, ids, found, since)
    report(1.0, "segments are ready")


def _parents(store: Store, space: Space) -> tuple[Space, Segments] | None:
    """The space of the version's parent with its segments, where it has some."""
    parent = space.version.info.get("parent")
    if not parent or parent not in {version.id for version in Registry(store.home).versions()}:
        return None
    before = Space(store, Registry(store.home).get(parent))
    found = load(store, before)
    return (before, found) if found and found.segments and "users" in before.tables() else None


def _continued(store: Store, before: Space, found: Segments, ids: Sequence[str], vectors: np.ndarray) -> Clusters | None:
    members = found.members
    names, old = before.vectors("users", members["user_id"].tolist())
    if names != members["user_id"].tolist():
        return None
    return continued(members, steady(store, before, names, old), ids, vectors, found.stability, found.least)


def steady(store: Store, space: Space, ids: Sequence[str], vectors: np.ndarray) -> np.ndarray:
    """Users by their whole histories: the vector of each plus the mean of the products they had, both of unit length.

    A user's own vector is made to tell the next purchase, so it leans on the newest steps; a segment is about all of them.
    Shape (users, n), unit length.
    """
    products, of_products = space.vectors("products") if "products" in space.tables() else ([], np.zeros((0, 0), np.float32))
    if not products:
        return _unit(vectors)
    place, row = {p: i for i, p in enumerate(products)}, {u: i for i, u in enumerate(ids)}
    pairs = store.rows(
        "SELECT DISTINCT user_id, product_id FROM histories WHERE kind IN ('purchase', 'review') ORDER BY user_id, product_id"
    )
    known = np.array([(row[u], place[p]) for u, p in pairs if u in row and p in place], np.int64).reshape(-1, 2)
    had = np.zeros_like(vectors)
    np.add.at(had, known[:, 0], of_products[known[:, 1]])
    return _unit(_unit(vectors) + _unit(had))


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors / np.maximum(length, 1e-12), np.float32)


def save(store: Store, space: Space, ids: Sequence[str], found: Clusters, since: str = "") -> None:
    """Profile clusters of users `ids`, found for version `since` if not for this one; the JSON comes last and makes it visible."""
    known = behaviour.read(store, space)
    people = np.asarray(list(ids), object)
    described = [profiles.profile(known, people[found.group == g].tolist()) for g in range(int(found.group.max()) + 1)]
    named = zip(profiles.names(described), described, strict=True)
    folder, data_version = space.version.folder / "derived", store.data_version
    made = Segments(
        [Segment(g, name, p.size, int(found.core[found.group == g].sum()), p) for g, (name, p) in enumerate(named)],
        round(found.noise, 6),
        round(found.stability, 6),
        space.version.id,
        data_version,
        len(people),
        found.clustered,
        len(SEEDS),
        found.least,
        folder,
        since,
    )
    members = {"user_id": pd.Series(people, dtype="str"), "x": found.places[:, 0], "y": found.places[:, 1]}
    members |= {"segment": found.group.astype(np.int32), "core": found.core, "strength": found.strength}
    _write_parquet(folder / f"segments-{data_version}.parquet", pd.DataFrame(members))
    _write_parquet(folder / f"segments-words-{data_version}.parquet", known.words)
    listed = [{"id": s.id, "name": s.name, "size": s.size, "core": s.core, "profile": s.profile.json()} for s in made.segments]
    write_json(folder / f"segments-{data_version}.json", {**made._facts(), "segments": listed})


def _write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write beside, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        frame.to_parquet(beside, index=False)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def load(store: Store, space: Space) -> Segments | None:
    """The space's segments at the shop's data version, else the newest older ones (see `data_version`), else None."""
    folder = space.version.folder / "derived"
    made = {int(m.group(1)): path for path in folder.glob("segments-*.json") if (m := re.fullmatch(r"segments-(\d+)", path.stem))}
    reachable = [version for version in made if version <= store.data_version] or list(made)
    if not reachable:
        return None
    value = read_json(made[max(reachable)])
    segments = [Segment(s["id"], s["name"], s["size"], s["core"], Profile.of(s["profile"])) for s in value.pop("segments")]
    return Segments(segments, folder=folder, **value)


def known(store: Store, space: Space, found: Segments) -> Behaviour:
    """What profiles of any selection of the users are counted from; the words are those kept with the segments."""
    return behaviour.read(store, space, found.words)


def explain(found: Segments) -> list[str]:
    """Noise, stability and the sample, in plain words."""
    lines = [
        f"{found.noise:.0%} of the users belong clearly to no group. They are counted with the group of their nearest "
        "neighbours and marked as unclear on the map and in exports.",
        f"Stability {found.stability:.2f}: {found.seeds} runs with different random seeds {_agreement(found.stability)} "
        "(adjusted Rand index; 1 means always the same groups, 0 no more alike than by chance).",
        f"A group has at least {found.least} users. Of several settings the one was taken whose groups tell most.",
    ]
    if found.since:
        lines.append(
            f"The groups are those that were found for version {found.since}: users whom this version reads otherwise have moved "
            "to the group of those who are now near."
        )
    if found.clustered < found.users:
        rest = found.users - found.clustered
        lines.append(f"{found.clustered:,} users, drawn at random, were grouped; the other {rest:,} follow their neighbours.")
    return lines


def verdict(found: Segments) -> str:
    """Noise and stability in one sentence."""
    runs = f"{found.seeds} runs with different seeds {_agreement(found.stability)}"
    return f"{1 - found.noise:.0%} of the users fall clearly into a group; {runs}."


def _agreement(stability: float) -> str:
    if stability >= 0.9:
        return "found practically the same groups"
    if stability >= 0.7:
        return "agreed on most users"
    return (
        "disagreed about many users: read the borders between segments with care"
        if stability >= 0.4
        else "hardly agreed: do not rely on them"
    )
