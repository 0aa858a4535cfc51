"""Batches read side by side, each on one core.

The products of a small encoder end too soon to be cut among cores: at each of them the cores would wait for one another,
the longer the busier the machine is. A GPU has a second batch laid out for it while it computes the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

Work = Callable[[np.ndarray], None]


def cores_for(device: torch.device) -> int:
    """How many batches are read at a time: as many as torch has threads, two on a GPU."""
    return torch.get_num_threads() if device.type == "cpu" else 2


def on_each_core(work: Work, batches: Sequence[np.ndarray], cores: int) -> None:
    """Call `work` with the row indices of each batch, `cores` at a time, without gradients; what it raises is raised here."""
    cores = min(cores, len(batches))
    if cores <= 1:
        with torch.inference_mode():
            for rows in batches:
                work(rows)
        return

    def alone(rows: np.ndarray) -> None:
        with torch.inference_mode():
            work(rows)

    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            for _ in pool.map(alone, batches):
                pass
    finally:
        torch.set_num_threads(threads)  # a thread's number of threads is also what threads begun later start with
