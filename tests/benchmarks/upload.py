"""What an upload of labelled rows does to every task, how long it takes until it is promoted, and how long a page takes to open meanwhile.

    python tests/benchmarks/upload.py --home DIR --file FILE --text COL --label COL [--rows 1000 | --each N] [--page sentiment] [--json]

In a browser, on a copy of the home whose active version is the parent: so many rows of FILE are uploaded on the page Fine-tune,
learned as what the page takes them for and with what it recommends, and the version is promoted. Meanwhile a second window opens an
insight page again and again; it is open when everything on it is drawn. One JSON document on stdout, progress on stderr.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pandas as pd
from few_labels import asked, drawn, rows_of
from live_app import chromium, served
from screenshots import PATIENCE_MS, READY, settle

from workbench.home import Home
from workbench.pages._compare import compare, main_metrics
from workbench.registry import Registry
from workbench.run import Run

TIMES_ALONE = 5
PAUSE_SECONDS = 3.0
MOST_SECONDS = 1800


def opened(page: Any, address: str) -> float:
    """Seconds until a page is drawn."""
    began = time.monotonic()
    page.goto(address)
    page.wait_for_function(READY, timeout=PATIENCE_MS)
    return time.monotonic() - began


def press(page: Any, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click(timeout=PATIENCE_MS)


def teach(page: Any, app: str, rows: pd.DataFrame, task: str | None = None) -> None:
    """Upload the rows, as labels of the task with this title where one is given, and start what the page recommends."""
    page.goto(f"{app}/finetune")
    content = rows.to_csv(index=False).encode()
    page.locator("input[type=file]").first.set_input_files({"name": "rows.csv", "mimeType": "text/csv", "buffer": content})
    page.get_by_text("usable rows").wait_for(timeout=PATIENCE_MS)
    if task:
        page.get_by_role("combobox", name="Task", exact=True).click()
        page.get_by_role("option", name=task, exact=True).click()
    for question in ("These meanings are right", "Do without these labels"):
        settle(page)
        answer = page.get_by_text(question)
        if answer.count():
            answer.click()
    press(page, "Start fine-tuning")
    page.get_by_text("so far").wait_for(timeout=PATIENCE_MS)


def opened_meanwhile(page: Any, address: str, learning: Any) -> list[float]:
    """What opening the page takes, again and again, until the other window, where a version is learned, says that it is there."""
    found, end = [], time.monotonic() + MOST_SECONDS
    while not learning.get_by_text("Fine-tuning is done").count():
        assert time.monotonic() < end and not learning.get_by_text("This could not be done").count(), "the fine-tuning did not end well"
        found.append(opened(page, address))
        time.sleep(PAUSE_SECONDS)
    return found


def measure(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Seconds from the upload to the new version and to its promotion, and of opening the page before and meanwhile."""
    home = Home(folder / "home")
    shutil.copytree(Home.find(given.home).root, home.root)
    parent = Registry(home).active()
    assert parent, "the home has no active version"
    rows = drawn(rows_of(given.file, given)[[given.text, given.label]], given.label, given.each, given.seed, given.rows)
    with served(home, folder) as app, chromium() as learning:
        page, address = learning.context.browser.new_page(), f"{app}/{given.page}"
        alone = [opened(page, address) for _ in range(TIMES_ALONE + 1)][1:]
        say(f"{given.page} alone: {statistics.median(alone):.2f} s")
        began = time.monotonic()
        teach(learning, app, rows, given.task)
        meanwhile = opened_meanwhile(page, address, learning)
        learned = time.monotonic() - began
        say(f"learned after {learned:.0f} s")
        tasks = before_and_after(home, learning.url)
        press(learning, "Promote")
        while Registry(home).active() == parent:
            assert time.monotonic() < began + MOST_SECONDS, "the promotion was refused"
            time.sleep(0.1)
    return {
        "rows": len(rows),
        "labels": int(rows[given.label].nunique()),
        "seconds": {"learned": round(learned, 1), "promoted": round(time.monotonic() - began, 1)},
        "page": {"alone": figures(alone), "meanwhile": figures(meanwhile)},
        "tasks": tasks,
    }


def before_and_after(home: Home, address: str) -> list[dict[str, Any]]:
    """What the page compares: of each task its main metric before and after, and what can be said of the change."""
    [run] = parse_qs(urlsplit(address).query)["run"]
    result = Run.find(home, run).status().result or {}
    frame = main_metrics(compare(result.get("before") or {}, result["tasks"]))
    found: list[dict[str, Any]] = json.loads(frame.to_json(orient="records"))
    return found


def figures(seconds: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(seconds), 2), "longest": round(max(seconds), 2), "times": len(seconds)}


def words(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, metavar="DIR")
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--page", default="sentiment", help="which page is opened (sentiment)")
    parser.add_argument("--task", metavar="TITLE", help="the labels' task, where the page takes them for another, say 'Review sentiment'")
    parser.add_argument("--seed", type=int, default=7)
    given = asked(parser, rows=1000)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(given, Path(folder))
    if given.json:
        print(json.dumps(found))
        return 0
    print(f"{found['rows']:,} rows, promoted after {found['seconds']['promoted']} s")
    for when, one in found["page"].items():
        print(f"{given.page} {when:10} median {one['median']} s, longest {one['longest']} s, {one['times']} times")
    for one in found["tasks"]:
        print(f"{one['task']:20} {one['metric']:12} {words(one['before'])} before, {words(one['after'])} after: {one['verdict']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
