"""The shop that all pages share: opened once, closed for one who needs it alone, and nobody waits for ever."""

import threading
import time

import pytest

from workbench.components import context

SECONDS = 20.0


@pytest.fixture
def shop(home, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(home.root))
    context._open.clear()
    yield home
    context._open.clear()


def test_a_page_that_waits_for_the_shop_does_not_hold_up_the_next_who_closes_it(shop):
    opened = []

    def page():
        opened.append(context.store())

    def close_twice():
        with context.closed():
            waiting = threading.Thread(target=page, daemon=True)
            waiting.start()
            time.sleep(0.3)
            assert not opened
            with context.closed():  # as the next one does who is let in before the page
                pass
        waiting.join(SECONDS)

    closing = threading.Thread(target=close_twice, daemon=True)
    closing.start()
    closing.join(SECONDS)
    assert not closing.is_alive(), "they wait for each other"
    assert opened == [context.store()]
    context.store().close()


def test_many_who_close_and_many_pages_all_come_to_their_turn(shop):
    failed = []

    def page():
        for _ in range(5):
            failed.extend([] if context.store() else ["no shop"])

    def close():
        with context.closed():
            time.sleep(0.05)

    threads = [threading.Thread(target=work, daemon=True) for work in (page, close) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert not failed and not any(thread.is_alive() for thread in threads)
    context.store().close()
