import threading

import pytest

from workbench.encoder.ahead import ahead


def test_the_next_is_made_while_one_is_used():
    begun = [threading.Event() for _ in range(4)]

    def make():
        for at in range(3):
            begun[at].set()
            yield at

    for at in ahead(make()):
        assert at == 2 or begun[at + 1].wait(20)


def test_all_come_in_their_order_and_none_is_made_up():
    assert list(ahead([])) == []
    assert list(ahead(iter([None, 0, "x"]))) == [None, 0, "x"]


def test_what_goes_wrong_in_the_making_is_raised_where_it_is_used():
    def make():
        yield 1
        raise MemoryError("second")

    found = ahead(make())
    assert next(found) == 1
    with pytest.raises(MemoryError, match="second"):
        next(found)


def test_whoever_stops_early_has_no_further_one_made():
    made = []

    def make():
        for at in range(100):
            made.append(at)
            yield at

    found = ahead(make())
    next(found)
    found.close()
    assert len(made) <= 2
