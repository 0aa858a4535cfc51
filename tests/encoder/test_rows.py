import numpy as np
import torch
from sequences import corpus_of

from workbench.encoder.batches import steps_of
from workbench.encoder.rows import Rows, met
from workbench.encoder.towers import _look_up

POOLED = np.arange(12, dtype=np.float32).reshape(4, 3) + 1
ROWS = Rows(POOLED, np.array([2, -1, 0, 2]), torch.device("cpu"))


def test_rows_are_looked_up_by_their_texts_and_are_zero_without_one():
    assert torch.equal(ROWS[torch.tensor([3, 1, 2])], torch.tensor([[7.0, 8, 9], [0, 0, 0], [1, 2, 3]]))
    assert ROWS[torch.zeros(0, dtype=torch.long)].shape == (0, 3)


def test_only_the_reviews_of_the_steps_are_looked_up():
    user = corpus_of({"u": ["p0", "p1", "p2"]}, {f"p{i}": f"text {i}" for i in range(3)}).users[0]
    user.review = np.array([3, -1, 0])
    steps = steps_of([user], [(0, 3)], 5)
    again, pooled = met(steps, ROWS)
    assert again.review.tolist() == [[1, -1, 0]] and torch.equal(pooled, ROWS[torch.tensor([0, 3])])
    assert torch.equal(_look_up(pooled, again.review), _look_up(ROWS[torch.arange(4)], steps.review))


def test_looking_up_nothing_gives_zeros():
    assert torch.equal(_look_up(torch.zeros(0, 3), torch.tensor([[-1, -1]])), torch.zeros(1, 2, 3))
    table = torch.ones(2, 3, requires_grad=True)
    _look_up(table, torch.tensor([-1, 1, -1])).sum().backward()
    assert table.grad.tolist() == [[0.0] * 3, [1.0] * 3]
