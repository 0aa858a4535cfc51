"""Stands in for the encoder's process: `fake_encoder.py <behaviour> <run folder>`."""

import os
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from joint_space import publish  # noqa: E402

from workbench.errors import Cancelled  # noqa: E402
from workbench.files import write_json  # noqa: E402
from workbench.home import Home  # noqa: E402
from workbench.run import Run  # noqa: E402


def train(run: Run) -> None:
    for step in range(3):
        run.report(step / 3, f"step {step}")
        run.point(step=step, epoch=0, task="sentiment", loss=1.0 / (step + 1))
    made = publish(Home.find(run.spec["home"]), promote=False)
    write_json(run.folder / "encoder.json", {"version": made.id, "parent": None, "seconds": 1.0, "tasks": {}, "left_out": {}})


def steady(run: Run) -> None:
    for step in range(20):
        run.report(step / 20, f"step {step}")
        time.sleep(0.05)
    train(run)


def slow(run: Run) -> None:
    (run.folder / "pid").write_text(str(os.getpid()))
    try:
        while True:
            run.report(0.3, "slow")
            run.point(step=1, epoch=0, task="sentiment", loss=0.5)
            time.sleep(0.1)
    except Cancelled:
        write_json(run.folder / "encoder_error.json", {"problem": "cancelled", "fix": "", "state": "cancelled"})
        sys.exit(2)


def refuse(run: Run) -> None:
    write_json(run.folder / "encoder_error.json", {"problem": "Only one class.", "fix": "Add another.", "state": "failed"})
    sys.exit(2)


def stumble(run: Run) -> None:
    from workbench.encoder import __main__ as encoder

    encoder.work = lambda run: [][0]
    encoder.main(str(run.folder))


def killed(run: Run) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def silent(run: Run) -> None:
    sys.exit(3)


if __name__ == "__main__":
    globals()[sys.argv[1]](Run(Path(sys.argv[2])))
