"""How much memory training and embedding take for each review: two synthetic shops of different size, and the line through them.

python tests/benchmarks/memory.py --reviews 18000 54000 --json
python tests/benchmarks/memory.py --reviews 1000000 --tokens 8 --json

The base is a layer of random weights as wide as the default base, so that what is measured are the shop's rows and not
the model. Counted is memory that cannot be given back to a file (RssAnon); Linux alone tells it. Baselines are not
measured. Fewer than 18,000 reviews say little: their largest steps are still ahead of them. The line lies too high beyond
100,000: counted words are learned from no more. With `--tokens` fewer tokens of each text are read: what is held of a shop
stays the same but for four bytes for each token left out, and a million reviews are done in a sixth of the time.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from workbench.home import Home
from workbench.shop.store import Store

REVIEWS_PER_USER, REVIEWS_PER_PRODUCT, WORDS = 5, 100, 30
MILLION = 1_000_000
SETTINGS = {"batch_texts": 512, "batch_users": 512}  # few steps: what a step takes does not grow with the shop

PRODUCTS = "INSERT INTO products (product_id, title) SELECT 'p' || i, 'thing number ' || i FROM range(?) t(i)"
REVIEWS = f"""
INSERT INTO reviews (review_id, product_id, user_id, rating, body, created_at)
SELECT 'r' || i, 'p' || (hash(i) % $products), 'u' || (i // {REVIEWS_PER_USER}), 1 + hash(i) % 5,
    array_to_string([('word' || (hash(i * 64 + w) % 5000)) FOR w IN range({WORDS})], ' '),
    TIMESTAMP '2024-01-01' + to_hours((i % {REVIEWS_PER_USER}) * 500)
FROM range($reviews) t(i)
"""


def shop(home: Home, reviews: int) -> Path:
    """A shop of so many reviews, a user for each five and a product for each hundred; its snapshot."""
    products = max(20, reviews // REVIEWS_PER_PRODUCT)
    with Store.open(home) as store:
        with store.transaction() as cursor:
            cursor.execute(PRODUCTS, [products])
            cursor.execute(REVIEWS, {"products": products, "reviews": reviews})
        return store.snapshot()


def base(folder: Path) -> Path:
    import torch
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    from workbench.encoder.backbone import find_base
    from workbench.encoder.recipe import DEFAULT_BASE

    tokenizer = AutoTokenizer.from_pretrained(find_base(DEFAULT_BASE))
    sizes = {"hidden_size": 384, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": len(tokenizer)}
    torch.manual_seed(0)
    AutoModel.from_config(AutoConfig.for_model("bert", **sizes)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


class Peak(threading.Thread):
    """The most anonymous memory seen, in bytes."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = 0

    def run(self) -> None:
        while True:
            self.most = max(self.most, anonymous())
            time.sleep(0.02)


def anonymous() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1]) * 1024


def one(reviews: int, tokens: int) -> dict[str, object]:
    """Make, train for one epoch and embed a shop of so many reviews in this process."""
    from workbench.encoder import features
    from workbench.encoder.checkpoint import Checkpoint
    from workbench.encoder.corpus import read_corpus
    from workbench.encoder.embed import write_vectors
    from workbench.encoder.evaluate import Reader
    from workbench.encoder.make import prepare
    from workbench.encoder.recipe import Recipe
    from workbench.encoder.train import train

    features.IN_MEMORY_BYTES = 0  # a large shop's vectors lie in files; so do those of the small ones here
    with tempfile.TemporaryDirectory() as name:
        home = Home.find(Path(name)).make()
        snapshot = shop(home, reviews)
        recipe = Recipe(base=str(base(home.data / "base")), epochs=1, user_passes=1, trackers="none", max_length=tokens, **SETTINGS)
        before, peak, began = anonymous(), Peak(), time.perf_counter()
        peak.start()
        with Store.open_snapshot(home, snapshot) as store:
            corpus = read_corpus(store, ["sentiment", "review_to_product", "next_item"])
        most = {"corpus": peak.most - before}
        prepared = prepare(corpus, recipe, home.data, lambda done, step: None)
        most["prepared"] = peak.most - before
        trained = train(
            corpus, prepared.model, prepared.features, recipe, lambda done, step: None, lambda **_: None, Checkpoint(home.data, {})
        )
        most["trained"] = peak.most - before
        write_vectors(Reader(trained.model, corpus, trained.pooled), home.data / "vectors.duckdb")
        seconds = round(time.perf_counter() - began, 1)
        return {"reviews": reviews, "tokens": tokens, "peak": peak.most - before, "until": most, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", type=int, nargs="+", default=(18_000, 54_000), metavar="N", help="one: no line is drawn")
    parser.add_argument("--tokens", type=int, default=48, help="of a text that are read")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given.one, given.tokens)))
        return
    found = []
    for reviews in given.reviews:
        command = [sys.executable, __file__, "--one", str(reviews), "--tokens", str(given.tokens)]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        found.append(json.loads(ended.stdout.splitlines()[-1]))
        print(found[-1], file=sys.stderr)
    result: dict[str, object] = {"runs": found}
    if len(found) > 1:
        result |= line([(each["reviews"], each["peak"]) for each in found])
    print(json.dumps(result) if given.json else json.dumps(result, indent=1))


def line(found: list[tuple[int, int]]) -> dict[str, object]:
    """The line through (reviews, peak), and where it comes to."""
    slope, start = np.polyfit(*zip(*found, strict=True), 1)
    return {"bytes_for_each_review": round(float(slope)), "gigabytes_at_a_million": round(float(start + slope * MILLION) / 1e9, 2)}


if __name__ == "__main__":
    main()
