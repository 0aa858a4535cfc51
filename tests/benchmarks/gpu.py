"""What a GPU makes of it: texts per second from strings into DuckDB, and the share of the card's bf16 peak that is reached.

python tests/benchmarks/gpu.py --texts 1000000 --out gpu.md

Without a GPU it says so and exits with 2; `--device cpu` runs the same on the processor.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from workbench.encoder.ahead import ahead
from workbench.encoder.backbone import Backbone, fast_dtype, find_base
from workbench.encoder.batches import Epochs
from workbench.encoder.build import build
from workbench.encoder.corpus import Corpus, read_corpus
from workbench.encoder.fast import FastLayers, reading
from workbench.encoder.features import Features, batches_by_length, read_all
from workbench.encoder.learner import Learner
from workbench.encoder.recipe import DEFAULT_BASE, Recipe
from workbench.encoder.tokens import Tokens, parts
from workbench.encoder.towers import JointEncoder
from workbench.encoder.track import engine
from workbench.encoder.train import read_last
from workbench.home import Home
from workbench.shop.sample import phrases
from workbench.shop.space import write_space
from workbench.shop.store import Store

MEDIAN_WORDS, SPREAD, MOST_WORDS = 28, 0.8, 300  # the words of a review: log-normal, as those of shops are
PEAK_BF16 = {
    "H200": 989.0,
    "H100": 989.0,
    "A100": 312.0,
    "L40S": 362.0,
    "L4": 121.0,
    "RTX 4090": 165.0,
    "T4": 65.0,
}  # dense, 10^12/s, by the maker
PEAK_SIZE = {"cuda": 8192, "cpu": 2048}
TOKENS = {"cuda": 65536, "cpu": 4096}
BATCH_TEXTS = {"cuda": (256, 1024), "cpu": (32,)}
WARM_UP = 5  # steps before the clock: kernels are chosen and compiled in them


def words() -> list[str]:
    """The words of the sample shop's phrases."""

    def strings(value: object) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            for item in value.items():
                yield from strings(item)
        elif isinstance(value, (list, tuple)):
            for item in value:
                yield from strings(item)

    said = (phrases.OPENERS, phrases.ASPECTS, phrases.GENERAL, phrases.CLOSERS)
    return sorted({word for text in strings(said) for word in text.split()})


def reviews(count: int, seed: int = 0) -> list[str]:
    """Synthetic reviews, all different, of realistic lengths."""
    random, known = np.random.default_rng(seed), words()
    lengths = np.clip(np.exp(random.normal(np.log(MEDIAN_WORDS), SPREAD, count)), 1, MOST_WORDS).astype(int)
    chosen = [known[at] for at in random.integers(0, len(known), lengths.sum())]
    ends = np.cumsum(lengths)
    return [f"{' '.join(chosen[end - n : end])} {at}" for at, (end, n) in enumerate(zip(ends, lengths, strict=True))]


def timed(device: torch.device, work: Callable[[], object]) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def measured_peak(device: torch.device) -> float:
    """The fastest product of two square matrices in what the device is fast in (bf16 on a GPU), in 10^12 operations a second."""
    n = PEAK_SIZE[device.type]
    a, b = (torch.randn(n, n, device=device, dtype=fast_dtype(device)) for _ in range(2))
    a @ b
    return 2 * n**3 / min(timed(device, lambda: a @ b) for _ in range(5)) / 1e12


def operations(backbone: Backbone, tokens: int, square: float) -> float:
    """Of a forward pass: two for each weight of the layers and token, and attention's own (`square`: sum of squared lengths)."""
    weights = sum(p.numel() for p in backbone.model.encoder.parameters() if p.dim() == 2)
    return 2.0 * weights * tokens + 4.0 * backbone.width * square * len(backbone.model.encoder.layer)


def forward(backbone: Backbone, tokens: Tokens, device: torch.device) -> dict[str, float]:
    """Seconds and operations of the forward pass alone, over batches that lie on the device already."""
    batches = [backbone.pad(tokens.rows(rows)).to(device) for rows in batches_by_length(tokens.lengths, TOKENS[device.type])]

    def run() -> None:
        for batch in batches:
            backbone(backbone.lower(batch))

    with reading(backbone, FastLayers(backbone, "bf16")):
        run()
        seconds = timed(device, run)
    return {
        "seconds": seconds,
        "operations": operations(backbone, int(tokens.lengths.sum()), float((tokens.lengths.astype(float) ** 2).sum())),
    }


def end_to_end(backbone: Backbone, model: JointEncoder, texts: list[str], device: torch.device, folder: Path) -> float:
    """Seconds from strings to unit vectors in a closed DuckDB file."""

    def run() -> None:
        at = 0
        with write_space(folder / "vectors.duckdb") as space, torch.inference_mode():
            for pooled in ahead(read_all(backbone, texts, FastLayers(backbone, "bf16"), "review")):
                vectors = model.reviews(torch.from_numpy(pooled).to(device)).float().cpu().numpy()
                space.vectors("reviews", [str(at + row) for row in range(len(pooled))], vectors)
                at += len(pooled)

    return timed(device, run)


def writing(rows: int, dim: int, folder: Path) -> float:
    """Seconds to write so many vectors, with nothing computed."""
    vectors, began = np.zeros((8192, dim), np.float32), time.perf_counter()
    with write_space(folder / "written.duckdb") as space:
        for at in range(0, rows, 8192):
            n = min(8192, rows - at)
            space.vectors("reviews", [str(at + row) for row in range(n)], vectors[:n])
    return time.perf_counter() - began


def shop(texts: list[str], folder: Path) -> Corpus:
    """A shop of these reviews, with stars, of 50 products."""
    with Store.open(Home.find(folder / "shop")) as store:
        with store.transaction() as cursor:
            cursor.execute("INSERT INTO products (product_id, title) SELECT 'p' || i, 'thing number ' || i FROM range(50) AS all_of(i)")
            cursor.execute(
                "INSERT INTO reviews (review_id, product_id, rating, body) SELECT 'r' || i, 'p' || (i % 50), 1 + i % 5, body "
                "FROM (SELECT unnest(?) AS body, unnest(range(?)) AS i)",
                [texts, len(texts)],
            )
        return read_corpus(store)


def training(corpus: Corpus, recipe: Recipe, device: torch.device, folder: Path, steps: int) -> dict[str, float]:
    """Seconds, steps and operations of joint training with every layer trained."""
    backbone = Backbone.of(recipe, find_base(recipe.base))
    model = build(corpus, recipe, backbone).to(device)
    features = Features(backbone, corpus.texts, folder / "features", readers=corpus.readers)
    epochs, learner = Epochs(corpus, features, recipe), Learner(model, corpus, recipe, engine("none", folder))
    learner.mover.plan(epochs.steps, 0)
    read = read_last(corpus, features.pooled(), device)
    model.train()
    learner.balance.begin()
    found = {"seconds": 0.0, "operations": 0.0, "steps": 0}
    for at, step in enumerate(islice(epochs(0), WARM_UP + steps)):
        took = timed(device, lambda step=step, at=at: learner.learn(step, read, update=True, where=f"step {at}"))  # type: ignore[misc]
        if at < WARM_UP:
            continue
        lengths = torch.cat([batch.texts.mask.sum(1) for batch in step.texts]).double()
        found["seconds"] += took
        found["operations"] += 3 * operations(backbone, int(lengths.sum()), float((lengths**2).sum()))
        found["steps"] += 1
    return found


def trainings(texts: list[str], device: torch.device, folder: Path, steps: int) -> dict[str, dict[str, float]]:
    """Joint training in batches of some sizes, as it is and compiled, each on as many reviews as its steps need."""
    sizes = BATCH_TEXTS[device.type]
    needed = max(sizes) * 2 * (WARM_UP + steps)
    corpus = shop(texts[: max(400, min(len(texts), needed))], folder)
    found = {}
    for size in sizes:
        for compiled in (False, True):
            recipe = Recipe(top_layers=-1, batch_texts=size, compile=compiled)
            name = f"training, {size} texts a step{', compiled' if compiled else ''}"
            found[name] = training(corpus, recipe, device, folder, steps)
    return found


def measure(count: int, device: torch.device, steps: int) -> dict[str, object]:
    texts, recipe = reviews(count), Recipe(top_layers=0)
    backbone = Backbone.of(recipe, find_base(DEFAULT_BASE)).to(device)
    model = JointEncoder(recipe, backbone, np.zeros(1), {}).to(device)
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else "processor"
    peak, maker = measured_peak(device), next((tera for name, tera in PEAK_BF16.items() if name in card), None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds = end_to_end(backbone, model, texts, device, folder)
        tokens: list[Tokens] = []
        tokenising = timed(device, lambda: tokens.extend(parts(backbone, texts)))
        written = writing(count, recipe.dim, folder)
        passed = forward(backbone, Tokens.joined(tokens), device)
        trained = trainings(texts, device, folder, steps)
    rates = {name: its["operations"] / max(its["seconds"], 1e-9) / 1e12 for name, its in {"forward": passed, **trained}.items()}
    return {
        "device": card,
        "precision": str(fast_dtype(device)).removeprefix("torch."),
        "texts": count,
        "mean_tokens": round(float(Tokens.joined(tokens).lengths.mean()), 1),
        "texts_per_second": round(count / seconds, 1),
        "seconds": {"end_to_end": seconds, "tokenising": tokenising, "forward": passed["seconds"], "writing": written},
        "milliseconds_a_step": {name: 1000 * its["seconds"] / its["steps"] for name, its in trained.items()},
        "peak_measured_tera": round(peak, 2),
        "peak_of_maker_tera": maker,
        "tera": {name: round(rate, 3) for name, rate in rates.items()},
        "share_of_measured_peak": {name: round(rate / peak, 3) for name, rate in rates.items()},
        "share_of_makers_peak": {name: round(rate / maker, 3) for name, rate in rates.items()} if maker else None,
    }


def table(found: dict[str, object]) -> str:
    """The figures as a Markdown table."""
    lines = ["| what | figure |", "|---|---|"]
    for name, value in found.items():
        for part, figure in value.items() if isinstance(value, dict) else [("", value)]:
            what = f"{name} {part}".strip().replace("_", " ")
            lines.append(f"| {what} | {figure:.4g} |" if isinstance(figure, float) else f"| {what} | {figure} |")
    return "\n".join([*lines, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=1_000_000, metavar="N", help="synthetic reviews (1,000,000)")
    parser.add_argument("--steps", type=int, default=30, help="steps of joint training that are timed (30)")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="write the table there too")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        print("This machine has no GPU that torch can use. For a run on the processor: --device cpu --texts 2000", file=sys.stderr)
        return 2
    found = measure(given.texts, torch.device(given.device), given.steps)
    if given.out:
        given.out.write_text(table(found), "utf-8")
    print(json.dumps(found) if given.json else table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
