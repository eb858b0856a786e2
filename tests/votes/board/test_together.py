from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from votes.board.together import Together

UNLUCKY = 1013


class Batches:
    """Work that the test lets go on."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.go = threading.Semaphore(0)

    def work(self, items: Sequence[int]) -> list[int]:
        self.go.acquire()
        self.sizes.append(len(items))
        if UNLUCKY in items:
            raise ArithmeticError("unlucky")
        return [each * 2 for each in items]


class Askers:
    """Threads that each do one item."""

    def __init__(self, together: Together[int, int]) -> None:
        self._together = together
        self._threads: list[threading.Thread] = []
        self.results: dict[int, int | Exception] = {}

    def ask(self, item: int) -> None:
        def run() -> None:
            try:
                self.results[item] = self._together.do(item)
            except ArithmeticError as error:
                self.results[item] = error

        thread = threading.Thread(target=run)
        self._threads.append(thread)
        thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()


def test_items_that_come_while_others_are_done_form_the_next_batch() -> None:
    batches = Batches()
    together = Together(batches.work, most=64)
    askers = Askers(together)
    askers.ask(0)
    while not together._is_led or together._waiting:
        pass
    for item in range(1, 40):
        askers.ask(item)
    while len(together._waiting) < 39:
        pass
    for _ in range(2):
        batches.go.release()
    askers.join()
    assert askers.results == {item: 2 * item for item in range(40)}
    assert batches.sizes == [1, 39]


def test_a_batch_is_bounded() -> None:
    batches = Batches()
    for _ in range(99):
        batches.go.release()
    together = Together(batches.work, most=4)
    askers = Askers(together)
    for item in range(50):
        askers.ask(item + 100)
    askers.join()
    assert max(batches.sizes) <= 4
    assert sum(batches.sizes) == 50
    assert len(askers.results) == 50


def test_an_error_goes_to_all_of_the_batch_and_to_no_other() -> None:
    batches = Batches()
    for _ in range(3):
        batches.go.release()
    together = Together(batches.work, most=64)
    with pytest.raises(ArithmeticError, match="unlucky"):
        together.do(UNLUCKY)
    assert together.do(14) == 28
