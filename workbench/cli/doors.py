"""The doors to the app: `app` opens it on a home, `demo` fills an empty home first."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from workbench import jobs
from workbench.cli.models import words
from workbench.cli.waiting import finished
from workbench.home import PACKAGE, Home
from workbench.registry import Registry
from workbench.run import Run, runs
from workbench.shop.store import Store

Answer = tuple[dict[str, Any], str]


def app(home: Home, given: Namespace) -> None:
    """Open the app; does not return on POSIX, where this process becomes it."""
    command = [sys.executable, "-m", "streamlit", "run", str(PACKAGE / "cli" / "serve.py"), "--server.port", str(given.port)]
    if _can_open_a_browser():
        command += ["--server.headless", "false", "--server.showEmailPrompt", "false"]
    paths = [str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "WORKBENCH_HOME": str(home.root), "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    folder = _settings_folder()
    print(f"The app opens at http://127.0.0.1:{given.port}", file=sys.stderr, flush=True)
    if os.name == "posix":
        os.chdir(folder)
        os.execve(sys.executable, command, environment)
    sys.exit(subprocess.call(command, env=environment, cwd=folder))


def _settings_folder() -> Path:
    """The folder whose `.streamlit/config.toml` holds the safe settings: Streamlit reads that of its working folder."""
    return next((f for f in (PACKAGE.parent, PACKAGE) if (f / ".streamlit" / "config.toml").exists()), PACKAGE.parent)


def _can_open_a_browser() -> bool:
    shown = sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return shown and sys.stdin.isatty()


def demo(home: Home, given: Namespace) -> Answer | None:
    """Fill an empty home with the sample shop, train on it in a job, open the app on it."""
    run = prepare(home)
    if not given.build_only:
        app(home, given)
        return None
    if run is not None:
        finished(run)
    active = Registry(home).active()
    assert active is not None, "a finished first training is promoted"
    document = {**active.metrics, "version": active.id}
    return document, f"{words(document)}\nOpen it: workbench app --home {home.root}"


def prepare(home: Home) -> Run | None:
    """The sample shop imported and its training begun, where they are not there yet; the run that trains."""
    registry = Registry(home)
    if registry.missing():
        raise registry.none_active()
    if home.shop_file.exists() and registry.active() is not None:
        return None
    going = next((run for run in runs(home) if run.spec.get("kind") == "train" and run.status().state in ("queued", "running")), None)
    if going is not None:
        return going
    with Store.open(home) as store:
        if not any(store.counts().values()):
            _fill(home, store)
        snapshot = store.snapshot()
    return jobs.start(home, "train", {"snapshot": snapshot, "recipe": "laptop", "tasks": None})


def _fill(home: Home, store: Store) -> None:
    from workbench.shop import importers
    from workbench.shop.sample import build

    print("Building the sample shop…", file=sys.stderr)
    folder = build(home)
    files = sorted(path for path in folder.iterdir() if path.name != "truth.json")
    print("Importing it…", file=sys.stderr)
    importers.import_files(store, files)
