"""The verbs and their options; each names the module and function that do it, imported only then."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

DELIMITERS = ("comma", "tab", "semicolon", "bar")
Verb = Callable[[str, str, str], argparse.ArgumentParser]
INSIGHTS = {
    "alerts": "lasting rises of negative reviews, with when they began",
    "segments": "groups of users, their size and who is in them",
}


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The verb's options; argparse ends the program with status 2 where they make no sense."""
    given = _parser().parse_args(argv)
    for name, default in (("home", None), ("json", False)):
        setattr(given, name, getattr(given, name, default))
    return given


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--home", metavar="DIR", help="folder of data/ and models/ (else WORKBENCH_HOME, else here)")
    common.add_argument("--json", action="store_true", help="print one JSON document on stdout and nothing else there")
    parser = argparse.ArgumentParser(prog="workbench", description="The analyst workbench for online shops.", parents=[common])
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, module: str, help: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=help, description=help, parents=[common])
        made.set_defaults(module=module, function=name.replace("import", "import_"))
        return made

    _doors(verb("demo", "doors", "build the sample shop if there is none, then open the app"), demo=True)
    _doors(verb("app", "doors", "open the app on this home"), demo=False)
    _shop(verb("import", "shop", "import files into the shop"))
    quality = verb("quality", "insights", "what is odd about each table, and the rows behind it")
    quality.add_argument("--table", metavar="TABLE", help="this table alone")
    quality.add_argument("--rows", metavar="CHECK", help="the rows behind a check of the table")
    verb("undo", "shop", "take the last import back")
    verb("forget", "shop", "delete a user everywhere and prove it by a search").add_argument("user", metavar="USER")
    verb("status", "shop", "tables and rows, data version, active model, runs")
    _learning(verb("train", "learning", "train a new version and wait for it"), verb)
    _models(verb)
    for name, help in INSIGHTS.items():
        verb(name, "insights", help)
    _insights(verb)
    return parser


def _doors(door: argparse.ArgumentParser, *, demo: bool) -> None:
    door.add_argument("--port", type=int, default=8501, help="port of the app (8501)")
    if demo:
        door.add_argument("--build-only", action="store_true", help="build, train and stop without opening the app")


def _shop(importing: argparse.ArgumentParser) -> None:
    importing.add_argument("files", nargs="+", metavar="FILE")
    importing.add_argument("--as", dest="as_table", metavar="TABLE", help="the table that the lines go to")
    importing.add_argument("--preset", metavar="NAME", help="the importer to use, instead of the one that recognises the columns")
    importing.add_argument(
        "--map", dest="mapping", action="append", default=[], metavar="CANONICAL=COLUMN", help="say which column is which (repeatable)"
    )
    _written(importing)
    importing.add_argument("--decimal", choices=("point", "comma"), help="how to read numbers such as 1,234")
    importing.add_argument("--dates", choices=("dayfirst", "monthfirst", "yearfirst"), help="how to read 03/04/2024 or 24-03-05")
    importing.add_argument("--scale", metavar="LOW-HIGH", help="the scale of the ratings, say 0-10; they become stars from 1 to 5")
    _personal(importing)
    importing.add_argument("--pseudonyms", action="store_true", help="store a keyed hash instead of each user id")
    importing.add_argument("--replace", action="store_true", help="the tables that the lines go to hold nothing else afterwards")
    importing.add_argument("--save-mapping", metavar="NAME", help="keep what was said of the file as a preset of this name")
    importing.add_argument("--rejects", metavar="FILE.csv", help="write the rows left out to a CSV that can be mended and imported again")
    importing.add_argument("--dry-run", action="store_true", help="say what would happen, change nothing")


def _written(reading: argparse.ArgumentParser) -> None:
    """What may be said of the way a file is written, instead of guessed."""
    reading.add_argument("--encoding", metavar="NAME", help="the encoding of the file's text, say gb18030 or cp1252")
    reading.add_argument("--delimiter", choices=tuple(DELIMITERS), help="what stands between the columns")
    reading.add_argument("--part", metavar="NAME", help="the file of an archive or the sheet of a workbook")


def _personal(storing: argparse.ArgumentParser) -> None:
    storing.add_argument("--personal", choices=("mask", "keep"), help="mail addresses, phones and the like in texts (mask)")


def _learning(train: argparse.ArgumentParser, verb: Verb) -> None:
    train.add_argument("--recipe", default="laptop", metavar="NAME")
    train.add_argument("--tasks", metavar="A,B", help="only these tasks")
    train.add_argument("--processes", type=int, default=1, metavar="N", help="processes that share the training, one for each GPU (1)")
    tune = verb("tune", "learning", "search for a better recipe, by validation rows alone")
    tune.add_argument("--recipe", default="laptop", metavar="NAME", help="the recipe to begin with (laptop)")
    tune.add_argument("--trials", type=int, default=20, metavar="N", help="trainings to try (20)")
    tune.add_argument("--tasks", metavar="A,B", help="only these tasks")
    finetune = verb("finetune", "learning", "learn from labelled rows: a new version with its before and after")
    finetune.add_argument("file", nargs="?", metavar="FILE")
    _written(finetune)
    _personal(finetune)
    finetune.add_argument("--task", metavar="NAME")
    finetune.add_argument("--again", metavar="VERSION", help="repeat what made a version: same rows, recipe, seed and parent")
    finetune.add_argument("--text", metavar="COL")
    finetune.add_argument("--label", metavar="COL", action="append", help="repeatable: several columns that are ticked or not")
    finetune.add_argument("--several", action="store_true", help="a row may carry several labels: in one cell, or in several columns")
    finetune.add_argument("--about", choices=("reviews", "products", "tickets"), default="reviews", help="whose rows get the labels")
    finetune.add_argument("--recipe", default="finetune", metavar="NAME")
    finetune.add_argument("--train", choices=("head", "adapters", "top", "all"), help="what of the encoder may change (by size)")
    finetune.add_argument("--estimate", action="store_true", help="measure what it will cost by a short warm-up, learn nothing")
    finetune.add_argument(
        "--leave-out", action="store_true", help="do without rows whose label does not belong to the task or has too few rows"
    )
    embed = verb("embed", "learning", "let a version read the rows that came after it was made")
    embed.add_argument("version", nargs="?", metavar="VERSION")
    predict = verb("predict", "learning", "add a task's label and probability to each row of a file, beside its own columns")
    predict.add_argument("file", metavar="FILE")
    _written(predict)
    predict.add_argument("--task", required=True, metavar="NAME")
    predict.add_argument("--text", metavar="COL")
    predict.add_argument("--label", metavar="COL", help="the right labels, where the file has them: how right the version is")
    predict.add_argument("--version", metavar="VERSION", help="by this model version instead of the active one")
    predict.add_argument("--out", required=True, metavar="FILE.csv")


def _models(verb: Verb) -> None:
    evaluate = verb("evaluate", "models", "metrics of every task with intervals and baselines; with options measures more")
    evaluate.add_argument("version", nargs="?", metavar="VERSION")
    evaluate.add_argument("--rivals", metavar="A,B", help="measure rivals that take long: single_task, sasrec, or all")
    evaluate.add_argument("--robustness", action="store_true", help="measure under typing errors, capitals and changed word order")
    evaluate.add_argument("--against", metavar="VERSION", help="measure another version on the same rows")
    evaluate.add_argument("--other", metavar="HOME", help="measure on the reviews of another shop: its home, or a file")
    verb("models", "models", "the versions and which is active")
    verb("changes", "models", "what promoting a version would change for the business").add_argument("version", metavar="VERSION")
    promote = verb("promote", "models", "make a version the active one")
    promote.add_argument("version", metavar="VERSION")
    promote.add_argument("--despite-worse", action="store_true", help="also where a task got worse than the parent's, or is gone")
    rollback = verb("rollback", "models", "go back to the version that was active before")
    for named, name in ((promote, "promote"), (rollback, "rollback")):
        named.add_argument("--why", default=f"workbench {name}", metavar="TEXT", help="kept in the history")


def _insights(verb: Verb) -> None:
    sentiment = verb("sentiment", "insights", "share of negative, neutral and positive reviews by period")
    sentiment.add_argument("--by", choices=("day", "week", "month"), default="month")
    for name in ("category", "brand", "product"):
        sentiment.add_argument(f"--{name}", metavar=name.upper())
    verb("recommend", "insights", "the next items for a user").add_argument("user", metavar="USER")
    verb("similar", "insights", "the products nearest to one").add_argument("product", metavar="PRODUCT")
    report = verb("report", "insights", "what a person would hand on: .html, .md, .pdf, .xlsx or .csv")
    report.add_argument("what", choices=("segments", "sentiment", "model"))
    report.add_argument("--version", metavar="VERSION", help="of this model version instead of the active one")
    report.add_argument("--out", required=True, metavar="FILE")
