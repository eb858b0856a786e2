"""Redialling: waits grow with each failure, and only a link that lasted makes them short again."""

from __future__ import annotations

import random

from twisted.internet.task import Clock

from loopixmix.net.links.redial import Redial
from loopixmix.process.backoff import Backoff


class Longest(random.Random):
    """Draws the longest wait each time."""

    def uniform(self, a: float, b: float) -> float:
        return b


class Bench:
    def __init__(self) -> None:
        self.clock = Clock()
        backoff = Backoff(rng=Longest(), first_s=1.0, longest_s=8.0)
        self.redial = Redial(backoff, clock=self.clock, stable_s=10.0)
        self.attempts = 0

    def attempt(self) -> None:
        self.attempts += 1

    def wait_s(self) -> float:
        call = self.redial.wait(self.attempt)
        wait_s = round(call.getTime() - self.clock.seconds(), 6)  # type: ignore[attr-defined]
        before = self.attempts
        self.clock.advance(wait_s)
        assert self.attempts == before + 1
        return wait_s


def test_waits_double_up_to_the_longest() -> None:
    bench = Bench()
    assert [bench.wait_s() for _ in range(5)] == [1.0, 2.0, 4.0, 8.0, 8.0]


def test_a_link_that_lasted_was_a_success_and_one_that_did_not_was_none() -> None:
    bench = Bench()
    assert [bench.wait_s(), bench.wait_s()] == [1.0, 2.0]
    bench.redial.link_opened()
    bench.clock.advance(9.9)
    assert bench.wait_s() == 4.0
    bench.redial.link_opened()
    bench.clock.advance(10.0)
    assert bench.wait_s() == 1.0
    # The same opening does not count twice.
    assert bench.wait_s() == 2.0


def test_a_reason_to_hope_makes_the_next_wait_short() -> None:
    bench = Bench()
    assert [bench.wait_s(), bench.wait_s()] == [1.0, 2.0]
    bench.redial.begin_anew()
    assert bench.wait_s() == 1.0
