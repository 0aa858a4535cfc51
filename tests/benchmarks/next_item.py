"""The encoder's next items beside every rival's, on any set of sequences or on the shop in a home.

    python tests/benchmarks/next_item.py --sequences FILE --texts FILE [--ids FILE] [--order file,swapped] [--json]
    python tests/benchmarks/next_item.py --home DIR [--split leave_one_out|time] [--json]

A file of sequences has one user a line with the items in order, a file of texts one item a line with its text, both
also as .gz; `--ids` names the file that has the same lines as the sequences under the ids of the texts. All products
that a user has not taken yet are ranked, equal scores in the order of a hash of the product's id, for the encoder and
the rivals alike. Settings are chosen on the validation products, which are not folded into the training of anybody;
when the test is scored, everybody reads them as part of the history. Files hold no times: order "swapped" breaks the
order of each user's last two items by a hash, and only what holds in both orders counts. One JSON document on stdout,
progress on stderr.

With `--cold` a tenth of the products is kept out of every history, and the first of them that each user took is to be
found among them, from its text alone: beside the nearest texts by the untrained base.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cold_start import among_cold, cold_products, text_neighbours, without_cold
from sequences import ORDERS, read_set

from workbench.encoder import companions
from workbench.encoder.baselines.ranking import RIVALS, Measured, measure_rivals, note, of_known
from workbench.encoder.baselines.sasrec import Settings, sasrec_ranks
from workbench.encoder.checkpoint import Checkpoint
from workbench.encoder.corpus import Corpus, read_corpus
from workbench.encoder.evaluate import Reader, scorer_of
from workbench.encoder.make import prepare
from workbench.encoder.masked_reading import with_masked_words
from workbench.encoder.ranking import FEW_TAKERS, Scorer, figures, rank_products
from workbench.encoder.recipe import Recipe, recipe
from workbench.encoder.train import train
from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.shop.store import open_for_reading
from workbench.tasks.splits import SPLITS

ALL = (*RIVALS, "sasrec")


def corpora(given: argparse.Namespace) -> Iterator[tuple[str, Corpus, dict[str, Any]]]:
    """(order, corpus, facts of the set) for each order asked for; a shop has one, that of its times."""
    if given.home:
        store, _ = open_for_reading(Home.find(given.home))
        with store:
            corpus = read_corpus(store, split=given.split)
            untitled = store.value("SELECT count(*) FROM products WHERE title IS NULL AND product_id IN (SELECT product_id FROM reviews)")
        if corpus.next_item is None:
            raise WorkbenchError(f"The shop cannot learn next item: {corpus.left_out['next_item']}.", "Import more orders or reviews.")
        if given.cold and untitled:
            raise WorkbenchError(
                f"{untitled:,} products have no title: their texts are told by the reviews of those who took them.",
                "Measure cold products on a shop whose products have titles.",
            )
        yield "time", corpus, facts_of(corpus)
        return
    if given.split == "time":
        raise WorkbenchError("A file of sequences holds no times to cut at.", "Take leave_one_out, or a shop: --home DIR")
    for order in given.order:
        corpus, facts = read_set(given.sequences, given.texts, given.ids, order)
        yield order, corpus, facts


def facts_of(corpus: Corpus) -> dict[str, Any]:
    """Users and items; which share of the users took their last new product at one time with another new one; and which
    share of the products that are learned from lie before the last `Settings.length`, where SASRec reads no further."""
    together = [u.days[ends[-1]] == u.days[ends[-2]] for u in corpus.users if len(ends := np.flatnonzero(u.target)) > 2]
    learned = np.array([u.target[: u.train_end].sum() for u in corpus.users])
    return {
        "users": len(corpus.users),
        "items": len(corpus.product_ids),
        "last_taken_with_another": round(float(np.mean(together)), 4) if together else None,
        "beyond_sasrec": round(float(np.maximum(0, learned - Settings().length).sum() / max(1, learned.sum())), 4),
    }


def learned(corpus: Corpus, chosen: Recipe) -> tuple[Scorer, Scorer, np.ndarray]:
    """The scorers of an encoder trained on the corpus and of its companions alone, and the untrained base's reading of its texts."""
    corpus = with_masked_words(corpus, chosen)
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare(corpus, chosen, Path(folder), say)
        checkpoint = Checkpoint(Path(folder), chosen.asdict())
        trained = train(corpus, prepared.model, prepared.features, chosen, say, lambda **values: None, checkpoint)
        alone = companions.scorer_of(trained.model.companions.companions())
        return scorer_of(Reader(trained.model, corpus, trained.pooled)), alone, prepared.frozen


def encoder(corpus: Corpus, chosen: Recipe, seeds: list[int]) -> dict[str, Measured]:
    """The encoder trained once for each seed, and its companions alone: the linear part without the joint space, which no seed changes."""
    began = time.monotonic()
    ranked = []
    for seed in seeds:
        scorer, alone, _ = learned(corpus, replace(chosen, seed=seed))
        ranked.append(rank_products(corpus, "test", scorer))
    seconds, began = time.monotonic() - began, time.monotonic()
    linear = rank_products(corpus, "test", alone)
    return {"encoder": Measured(ranked, chosen.asdict(), seconds), "companions": Measured([linear], {}, time.monotonic() - began)}


def measure_cold(corpus: Corpus, chosen: Recipe, seeds: list[int]) -> dict[str, Measured]:
    """The encoder and the nearest texts on products that no history holds, ranked among those."""
    cold = cold_products(corpus)
    corpus = without_cold(corpus, cold)
    began, ranked = time.monotonic(), []
    for seed in seeds:
        scorer, _, frozen = learned(corpus, replace(chosen, seed=seed))
        ranked.append(rank_products(corpus, "test", among_cold(scorer, cold)))
    seconds, began = time.monotonic() - began, time.monotonic()
    near = rank_products(corpus, "test", among_cold(of_known(text_neighbours(corpus, frozen)), cold))
    return {"encoder": Measured(ranked, chosen.asdict(), seconds), "text_neighbours": Measured([near], {}, time.monotonic() - began)}


def measure(corpus: Corpus, given: argparse.Namespace, chosen: Recipe) -> dict[str, Any]:
    """Figures of everybody, and of the encoder's gain over each rival for the same users."""
    seeds = [chosen.seed + i for i in range(given.seeds)]
    if given.cold:
        return document_of(corpus, measure_cold(corpus, chosen, seeds), seeds)
    rivals = measure_rivals(corpus, only=given.rivals, report=say)
    with ThreadPoolExecutor(1) as beside:
        of_sasrec = [chosen.seed + i for i in range(given.sasrec_seeds or given.seeds)]
        sasrec = beside.submit(sasrec_ranks, corpus, "test", of_sasrec, say, jobs=given.jobs) if "sasrec" in given.rivals else None
        if given.jobs == 1:  # in this process: one training after the other
            wait([sasrec] if sasrec else [])
        found = {} if given.only_rivals else encoder(corpus, chosen, seeds)
        found |= rivals | ({"sasrec": sasrec.result()} if sasrec else {})
    return document_of(corpus, found, seeds)


def document_of(corpus: Corpus, found: dict[str, Measured], seeds: list[int]) -> dict[str, Any]:
    """What was measured as one document."""
    made = {name: figures(measured.ranked, corpus.counts()) for name, measured in found.items()}
    document: dict[str, Any] = {
        name: {
            "metrics": made[name],
            "seconds": round(measured.seconds, 1),
            "settings": dict(measured.settings),
            "seeds": [seeds[0] + i for i in range(len(measured.ranked))],
        }
        for name, measured in found.items()
    }
    ours = made.get("encoder", {})
    differences = {name: {m: ours[m].minus(theirs[m]) for m in ours} for name, theirs in made.items() if ours and name != "encoder"}
    return {"measured": document, "differences": differences, "bounded": note(len(corpus.product_ids))}


def say(done: float, step: str) -> None:
    print(f"{done:4.0%}  {step}", file=sys.stderr, flush=True)


def compare(given: argparse.Namespace) -> dict[str, Any]:
    """The whole document."""
    chosen = recipe(Home.find(given.home), given.recipe)
    document: dict[str, Any] = {
        "split": given.split,
        "recipe": given.recipe,
        "validation_folded_in": False,
        "ties": "by a hash of the product's id",
        "cold": "a tenth of the products, kept out of all histories, ranked among themselves"
        if given.cold
        else f"products that fewer than {FEW_TAKERS} users took in training",
        "orders": {},
    }
    for order, corpus, facts in corpora(given):
        say(0.0, f"order {order}")
        document["orders"][order] = {"set": facts, **measure(corpus, given, replace(chosen, split=given.split))}
    return document


def table(document: dict[str, Any]) -> Iterator[str]:
    """The document for people."""
    for order, part in document["orders"].items():
        yield f"order {order}: {part['set']}"
        for name, one in part["measured"].items():
            ndcg, hr = one["metrics"]["ndcg_at_10"], one["metrics"]["hr_at_10"]
            line = f"{name:16} NDCG@10 {ndcg['value']:.4f} ({ndcg['low']:.4f} to {ndcg['high']:.4f})  HR@10 {hr['value']:.4f}"
            apart = part["differences"].get(name, {}).get("ndcg_at_10")
            if apart:
                line += f"  encoder's gain {apart['value']:+.4f} ({apart['low']:+.4f} to {apart['high']:+.4f})"
            yield f"{line}  n {ndcg['n']:,}  {one['seconds']} s"
        if part["bounded"]:
            yield part["bounded"]


def names(allowed: tuple[str, ...]) -> Any:
    """A parser of names with commas between them."""

    def parse(text: str) -> list[str]:
        found = text.split(",")
        unknown = [name for name in found if name not in allowed]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; allowed are: {', '.join(allowed)}")
        return found

    return parse


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=Path, metavar="FILE")
    parser.add_argument("--texts", type=Path, metavar="FILE")
    parser.add_argument("--ids", type=Path, metavar="FILE")
    parser.add_argument("--home", type=Path, metavar="DIR")
    parser.add_argument("--split", choices=SPLITS, default=SPLITS[0])
    parser.add_argument("--order", type=names(ORDERS), default=list(ORDERS), help="file, swapped or both with a comma (files only)")
    parser.add_argument("--rivals", type=names(ALL), default=list(ALL), metavar="A,B", help=f"of {', '.join(ALL)}")
    parser.add_argument("--only-rivals", action="store_true", help="train no encoder")
    parser.add_argument("--cold", action="store_true", help="on products kept out of all histories, beside the nearest texts")
    parser.add_argument("--recipe", default="laptop")
    parser.add_argument("--seeds", type=int, default=1, help="of the encoder and of sasrec")
    parser.add_argument("--sasrec-seeds", type=int, metavar="N", help="of sasrec alone, where they are others")
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="trainings of sasrec at once, beside the encoder's: pays with many cores or a GPU"
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if bool(given.home) == bool(given.sequences and given.texts):
        parser.error("give --sequences and --texts, or --home")
    try:
        document = compare(given)
    except (WorkbenchError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(document, ensure_ascii=False) if given.json else "\n".join(table(document)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
