"""Lines of words without a delimiter: a customer and what was taken, in order, or a product and its text.

They are read only on request, because nothing in such a file says which of the two it is. Sequences have no
times; the place in the sequence stands for days since 1970, so that the order is kept and no date is invented
that could be taken for a real one.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from workbench.shop.importers.base import Fill, Importer, text

SEQUENCES = Importer(
    "sequences",
    "Sequences: a customer in each line, then the products in order, without times",
    ("customer", "product", "place"),
    {
        "events": Fill(
            {
                "event_id": "md5(concat_ws('|', {customer}, {place}, {product}))",
                "user_id": text("customer"),
                "product_id": text("product"),
                "kind": "'purchase'",
                "happened_at": "epoch_time(CAST(TRY_CAST({place} AS BIGINT) * 86400 AS VARCHAR))",
            },
            count={"without_time": "true"},
            attributes=False,
        ),
        "products": Fill({"product_id": text("product")}, group=text("product"), attributes=False),
        "users": Fill({"user_id": text("customer")}, group=text("customer"), attributes=False),
    },
    rule=__doc__ or "",
)
PRODUCT_LINES = Importer(
    "product-lines",
    "Product lines: a product in each line, then its text",
    ("product", "text of the product"),
    {"products": Fill({"product_id": text("product"), "title": "{text of the product}"}, attributes=False)},
)
IMPORTER = (SEQUENCES, PRODUCT_LINES)


def _steps(words: list[str]) -> Iterator[list[str]]:
    return ([words[0], product, str(place)] for place, product in enumerate(words[1:], 1))


def _product(words: list[str]) -> Iterator[list[str]]:
    return iter([[words[0], " ".join(words[1:])]])


ROWS: dict[str, tuple[Importer, Callable[[list[str]], Iterable[list[str]]]]] = {
    SEQUENCES.name: (SEQUENCES, _steps),
    PRODUCT_LINES.name: (PRODUCT_LINES, _product),
}


def rewrite(path: Path, target: Path, preset: str) -> None:
    """Write the lines as the table that `preset` reads."""
    importer, rows = ROWS[preset]
    with path.open(encoding="utf-8") as source, target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(importer.needs)
        for line in source:
            if words := line.split():
                writer.writerows(rows(words))
