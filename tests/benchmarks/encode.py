"""How fast texts are read beside SentenceTransformer with its defaults, and how near its vectors, in one run.

python tests/benchmarks/encode.py --texts hair_dryer.xlsx --rows 2000 --json

A file of one column has a text on each line. Readers take turns, so that a neighbour's load falls on all of them; each one's
figure is the median of its rounds, and the interval of a ratio that of the rounds resampled. What is done once for a shop
(weights laid out, for int8 also how far activations reach) is counted apart, as is loading the rival. With `--engines` the same
base is read by ONNX Runtime in int8 and by OpenVINO in bf16 and int8 too, in the same batches.
"""

import argparse
import gzip
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import other_engines

from workbench.encoder.backbone import Backbone, find_base
from workbench.encoder.fast import FastLayers
from workbench.encoder.features import ranges_of, read_all
from workbench.encoder.recipe import DEFAULT_BASE, READINGS
from workbench.errors import WorkbenchError
from workbench.home import Home
from workbench.shop import importers
from workbench.shop.importers.dialect import ALONE, dialect
from workbench.shop.store import Store, quote

WARM, RESAMPLES, SEED = 64, 1000, 0
RIVAL = "sentence_transformers"
Encode = Callable[[list[str]], np.ndarray]


def texts_of(file: Path, column: str, rows: int | None) -> list[str]:
    """The first texts of a file, in its order: one a line where it has one column, otherwise a column that the importers read."""
    alone = lines_of(file)
    if alone:
        return alone[:rows]
    with tempfile.TemporaryDirectory() as folder, Store.open(Home.find(Path(folder))) as store:
        importers.import_files(store, [file])
        found = store.rows(f"SELECT {quote(column)} FROM reviews WHERE {quote(column)} <> '' ORDER BY rowid LIMIT ?", [rows or 1 << 40])
    if not found:
        raise WorkbenchError(f"{file.name} has no text in the column {column} of reviews.", "Name another column: --column title")
    return [text for (text,) in found]


def lines_of(file: Path) -> list[str]:
    """The lines of a text file of one column, whatever commas they hold and whatever stands first in each; [] for any other file."""
    if file.with_suffix("" if file.suffix == ".gz" else file.suffix).suffix not in (".txt", ".csv", ".tsv", ".text"):
        return []
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / file.name
        plain.write_bytes(gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes())
        try:
            found = dialect(plain, file.name, None, narrow=True)
            return [line.strip() for line in plain.read_text("utf-8").splitlines() if line.strip()] if found.delimiter == ALONE else []
        except UnicodeDecodeError:
            return []


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def ours(backbone: Backbone, precision: str, texts: list[str]) -> Encode:
    """The encoder's own layers."""
    layers = FastLayers(backbone, precision, ranges_of(backbone, texts) if precision == "int8" else [])
    return lambda texts: np.concatenate(list(read_all(backbone, texts, layers, "review")))


def once_each(read: Encode) -> Encode:
    """Reads distinct texts once, from strings to unit vectors."""

    def encode(texts: list[str]) -> np.ndarray:
        place = {text: at for at, text in enumerate(dict.fromkeys(texts))}
        return unit(read(list(place)))[[place[text] for text in texts]]

    return encode


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def interval(statistic: Callable[..., object], values: np.ndarray) -> list[float]:
    """What 95 of 100 resamples of the values give."""
    random = np.random.default_rng(SEED)
    draws = [statistic(values[random.integers(0, len(values), len(values))]) for _ in range(RESAMPLES)]
    return [round(float(end), 5) for end in np.percentile(draws, [2.5, 97.5])]


def compare(texts: list[str], rounds: int, *, engines: bool = False) -> dict[str, object]:
    """`engines`: whether those of `other_engines` read too."""
    from sentence_transformers import SentenceTransformer

    base = find_base(DEFAULT_BASE)
    rival = SentenceTransformer(str(base), device="cpu")
    length = int(rival.max_seq_length or 0)
    backbone = Backbone(base, top_layers=0, max_length=length)
    readers: dict[str, Encode] = {RIVAL: lambda part: np.asarray(rival.encode(part))}
    ready: dict[str, Callable[[], Encode]] = {name: partial(ours, backbone, name, texts) for name in READINGS}
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):  # engines report on stdout
        ready |= other_engines.readers(backbone, texts, Path(folder)) if engines else {}
        once = {name: timed(lambda name=name: readers.update({name: once_each(ready[name]())})) for name in ready}  # type: ignore[misc]
    for encode in readers.values():
        encode(texts[:WARM])
    vectors: dict[str, np.ndarray] = {}
    turns = [
        {name: timed(lambda name=name: vectors.update({name: readers[name](texts)})) for name in readers}  # type: ignore[misc]
        for _ in range(rounds)
    ]
    expected = unit(vectors[RIVAL])
    found = {name: {"seconds": round(float(np.median([turn[name] for turn in turns])), 2)} for name in readers}
    for name in ready:
        cosine, ratios = (vectors[name] * expected).sum(1), np.array([turn[RIVAL] / turn[name] for turn in turns])
        found[name] |= {
            "times_as_fast": round(float(np.median(ratios)), 2),
            "times_as_fast_interval": interval(np.median, ratios),
            "least_times_as_fast": round(float(ratios.min()), 2),
            "mean_cosine": float(cosine.mean()),
            "mean_cosine_interval": interval(np.mean, cosine),
            "cosine_p1": float(np.percentile(cosine, 1)),
            "seconds_once": round(once[name], 2),
        }
    tokens = backbone.tokenise(texts)
    return {
        "texts": len(texts),
        "duplicates": len(texts) - len(set(texts)),
        "max_length": length,
        "truncated": sum(len(t) >= length for t in tokens),
        "mean_tokens": round(float(np.mean([len(t) for t in tokens])), 1),
        "threads": torch.get_num_threads(),
        "rounds": rounds,
        "seed": SEED,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "readers": found,
    }


def words(result: dict[str, object]) -> str:
    lines = [f"{result['texts']} texts, {result['mean_tokens']} tokens each, cut at {result['max_length']}, {result['threads']} threads"]
    for name, its in result["readers"].items():  # type: ignore[attr-defined]
        told = (f"{key} {' to '.join(f'{v:.4g}' for v in (value if isinstance(value, list) else [value]))}" for key, value in its.items())
        lines.append(f"  {name}: " + ", ".join(told))
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", required=True, type=Path, metavar="FILE")
    parser.add_argument("--column", default="body", help="a column of the table of reviews (body)")
    parser.add_argument("--rows", type=int, metavar="N", help="the first N texts")
    parser.add_argument("--rounds", type=int, default=3, help="how often each reader has its turn (3)")
    parser.add_argument("--engines", action="store_true", help="read by ONNX Runtime and OpenVINO too")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        if given.engines and (missing := other_engines.missing()):
            raise WorkbenchError(f"--engines needs {', '.join(missing)}.", "Install them: pip install 'shop-workbench[engines]'")
        result = compare(texts_of(given.texts, given.column, given.rows), given.rounds, engines=given.engines)
    except (WorkbenchError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(result) if given.json else words(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
