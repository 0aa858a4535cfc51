"""The engine under a training, and where its curve goes beside the run's own: TensorBoard, or Weights & Biases when chosen."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from workbench.errors import WorkbenchError

INSTALL = {
    "tensorboard": ("TensorBoard", "pip install tensorboard"),
    "wandb": ("Weights & Biases", "pip install 'shop-workbench[wandb]'"),
}
BEGIN = {
    "tensorboard": 'Free the run\'s folder tensorboard, or set trackers = "none" in the recipe.',
    "wandb": 'Log in with: wandb login. Or set WANDB_MODE=offline, or trackers = "tensorboard" in the recipe.',
}
PROJECT = {"tensorboard": "tensorboard", "wandb": "workbench"}


def engine(trackers: str = "none", folder: Path | None = None) -> Accelerator:
    """This machine's device, and the trackers that a recipe names, begun.

    TensorBoard's files lie in `folder`/tensorboard; Weights & Biases sends the curve to its own server.
    Raises WorkbenchError when the tracker is not installed or cannot begin.
    """
    cpu = not torch.cuda.is_available()
    if not cpu:
        torch.set_float32_matmul_precision("high")  # what is not read in bfloat16 (users, scores) in TF32
    if trackers == "none":
        return Accelerator(cpu=cpu)
    if find_spec(trackers) is None:
        title, install = INSTALL[trackers]
        raise WorkbenchError(f"The recipe's trackers is {trackers!r}, but {title} is not installed.", f"Install it with: {install}")
    accelerator = Accelerator(cpu=cpu, log_with=trackers, project_dir=folder)
    name = {"wandb": {"name": folder.name, "dir": str(folder)}} if folder else {}
    try:
        accelerator.init_trackers(PROJECT[trackers], init_kwargs=name)
    except Exception as error:  # each tracker has its own
        raise WorkbenchError(f"{INSTALL[trackers][0]} could not begin: {error}", BEGIN[trackers]) from error
    return accelerator


def peak_memory() -> int:
    """The most memory that this process has held so far, in MB, what a GPU holds not counted."""
    import resource  # not everywhere

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // (1024**2 if sys.platform == "darwin" else 1024)


def track(accelerator: Accelerator, values: dict[str, Any]) -> None:
    """Pass on one point of the curve: a task's loss at a step, or its metric after an epoch."""
    what, value = ("loss", values["loss"]) if "loss" in values else (str(values["metric"]), values["value"])
    accelerator.log({f"{values['task']}/{what}": value}, step=int(values["step"]))
