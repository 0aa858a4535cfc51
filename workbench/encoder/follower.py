"""Several processes train one run: the first leads, the others follow. Started by torchrun, which tells each its rank.

Every process reads the texts and steps through the same epochs with batches of its own; gradients are
averaged before each update. The leader alone reports, measures the baselines and publishes.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Any

from workbench.run import ENCODER_PART, Run

_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


class Follower(Run):
    """The run as a further process sees it: it writes into a folder of its own, and hears the leader's cancel."""

    def __init__(self, leader: Run, rank: int) -> None:
        super().__init__(leader.folder / f"process-{rank}", part=leader.part)
        self.leader = leader
        self.folder.mkdir(exist_ok=True)

    @property
    def spec(self) -> dict[str, Any]:
        return self.leader.spec

    def cancel_asked(self) -> bool:
        return self.leader.cancel_asked()


def joined(folder: Path) -> Run:
    """The run of `folder` for this process: the first one, or the only one, leads."""
    leader, rank = Run(folder, part=ENCODER_PART), int(os.environ.get("RANK", "0"))
    if "RANK" in os.environ and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)  # a killed torchrun leaves no process behind
    return Follower(leader, rank) if rank else leader
