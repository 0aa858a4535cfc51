"""A wish to stop is heard in the middle of a long query, not only between queries."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workbench.shop.store import Connection, DatabaseError

Report = Callable[[float, str], None]
EVERY_SECONDS = 1.0


@contextmanager
def heard(connection: Connection, report: Report) -> Iterator[Report]:
    """A report that is repeated while a query runs; where it raises, the query is interrupted and the block ends with that error."""
    last = (0.0, "")
    raised: list[BaseException] = []
    ended = threading.Event()

    def tell(done: float, step: str) -> None:
        nonlocal last
        last = (done, step)
        report(done, step)

    def repeat() -> None:
        while not ended.wait(EVERY_SECONDS):
            try:
                report(*last)
            except BaseException as error:
                raised.append(error)
                connection.interrupt()
                return

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield tell
    except DatabaseError:
        if raised:
            raise raised[0] from None
        raise
    finally:
        ended.set()
        thread.join()
    if raised:
        raise raised[0]
