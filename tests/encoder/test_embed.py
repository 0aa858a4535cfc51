"""The joint space as it is written: how far it is is told part after part."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from workbench.encoder import embed
from workbench.shop.companions import Companions

ROWS = 5


@pytest.fixture
def reader():
    """A reader of five products, reviews and users, whose model says the same of all."""
    names = [f"{row}" for row in range(ROWS)]
    users = [SimpleNamespace(user=name, product=[0]) for name in names]
    task = SimpleNamespace(task=SimpleNamespace(predicts="reviews"))
    places = np.arange(ROWS)
    corpus = SimpleNamespace(product_ids=names, review_ids=names, review_text=places, users=users)
    corpus.labels, corpus.user_rows, corpus.text_rows = {"sentiment": ["no", "yes"]}, {}, {"sentiment": task}
    one = torch.tensor(1.0)
    model = SimpleNamespace(user_scale=one, review_scale=one, bias=torch.zeros(ROWS))
    model.companions = SimpleNamespace(companions=lambda: Companions(csr_matrix((ROWS, ROWS), dtype=np.float32)))
    model.text_head = lambda name: SimpleNamespace(choose=lambda shares: shares.argmax(1))
    return SimpleNamespace(
        corpus=corpus,
        model=model,
        products=torch.ones(ROWS, 2),
        reviews=lambda rows: np.ones((len(rows), 2)),
        users=lambda chosen, ends: (np.ones((len(chosen), 2)), None),
        probabilities=lambda name, rows: np.full((len(rows), 2), 0.5),
    )


def test_every_part_that_is_written_is_told(reader, tmp_path, monkeypatch):
    monkeypatch.setattr(embed, "ROWS_PER_PART", 2)
    told = []
    embed.write_vectors(reader, tmp_path / "vectors.duckdb", lambda done, step: told.append((done, step)))
    shares, steps = zip(*told, strict=True)
    assert list(shares) == sorted(shares) and shares[0] == 0 and shares[-1] < 1
    for part in ("the vectors of 5 reviews", "the vectors of 5 users", "the predictions of sentiment"):
        assert steps.count(f"writing {part}") == 3
