import threading

import numpy as np
import pytest
import torch

from workbench.encoder.cores import cores_for, on_each_core

BATCHES = [np.array([at]) for at in range(8)]


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_batches_are_read_side_by_side_on_one_core_each_without_gradients():
    both, seen = threading.Barrier(2, timeout=20), {}

    def work(rows):
        both.wait()  # passes only where two batches are read at the same time
        seen[int(rows[0])] = (torch.get_num_threads(), torch.is_inference_mode_enabled())

    on_each_core(work, BATCHES, 2)
    assert seen == {at: (1, True) for at in range(8)}
    assert torch.get_num_threads() == 2 and not torch.is_inference_mode_enabled()


def test_a_lone_batch_has_all_cores():
    seen = []
    on_each_core(lambda rows: seen.append((torch.get_num_threads(), torch.is_inference_mode_enabled())), BATCHES[:1], 2)
    on_each_core(lambda rows: seen.append("never"), [], 2)
    assert seen == [(2, True)]


def test_what_goes_wrong_in_a_batch_is_raised():
    def work(rows):
        if rows[0] == 5:
            raise MemoryError("batch 5")

    with pytest.raises(MemoryError, match="batch 5"):
        on_each_core(work, BATCHES, 2)
    assert torch.get_num_threads() == 2


def test_a_gpu_has_a_second_batch_laid_out_meanwhile():
    assert (cores_for(torch.device("cpu")), cores_for(torch.device("cuda"))) == (2, 2)
