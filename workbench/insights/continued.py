"""The parent's segments over users as a new version reads them: who is read as before stays in the group.

Found anew, groups change with the smallest change of the vectors, as they do with the random seed; then a
fine-tuning would seem to move a third of the users who lie where they lay. So a user moves only where the
neighbours who clearly belong to a group say another group than they said of the parent's vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench.insights.clusters import MOST, SEEDS, Clusters, near_groups

HOLDS = 0.8  # of the users who clearly belong to a group: their neighbours say the same group in the new vectors
NEW = 0.1  # of the users at most whom the parent does not know


def continued(
    members: pd.DataFrame, old: np.ndarray, ids: Sequence[str], vectors: np.ndarray, stability: float, least: int
) -> Clusters | None:
    """The groups of `members` (as `Segments.members`, whose vectors are `old`, row by row) over users `ids` with `vectors`.

    None where they do not hold there, or where many users are new: then groups are to be found anew. A user whom
    the parent does not know takes the group and the place of the nearest neighbours.
    """
    place = pd.Index(members["user_id"]).get_indexer(pd.Index(ids))
    known, group = place >= 0, np.full(len(ids), -1)
    group[known] = members["segment"].to_numpy()[place[known]]
    clear = known.copy()
    clear[known] = members["core"].to_numpy()[place[known]]
    if not clear.any() or known.mean() < 1 - NEW:
        return None
    pool = np.flatnonzero(clear)
    pool = pool if len(pool) <= MOST else np.sort(np.random.default_rng(SEEDS[0]).choice(pool, MOST, replace=False))
    said, share, index, weight = near_groups(vectors, pool, group)
    if (said[pool] == group[pool]).mean() < HOLDS:
        return None
    before = np.full(len(ids), -1)
    before[known] = near_groups(old, place[pool], members["segment"].to_numpy())[0][place[known]]
    moved = said != before
    places = (_of(members, place, ["x", "y"])[pool][index] * weight[:, :, None]).sum(1)
    places[known] = _of(members, place, ["x", "y"])[known]
    strength = np.where(moved, share / 2, _of(members, place, ["strength"])[:, 0]).astype(np.float32)
    core = clear & ~moved
    return Clusters(
        places.astype(np.float32), np.where(moved, said, group), core, strength, float(1 - core.mean()), stability, len(ids), least
    )


def _of(members: pd.DataFrame, place: np.ndarray, columns: list[str]) -> np.ndarray:
    """These columns for each user, (users, columns); of one whom the parent does not know those of the last."""
    return np.asarray(members[columns].to_numpy(np.float32)[place])
