from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from client.core.expectation import Expected
from client.core.health import LoopHealth
from client.link.watch import LEAP_S, RECOVERY_S, LinkWatch
from tests.worlds.clients.parts import Parts


@dataclass
class Late:
    """A purpose that notes when it was told to be overdue."""

    told_s: list[float] = field(default_factory=list)

    def on_answer(self, payload: bytes, now_s: float) -> bool:
        raise AssertionError(payload)

    def on_overdue(self, now_s: float) -> None:
        self.told_s.append(now_s)


@pytest.fixture
def parts() -> Iterator[Parts]:
    made = Parts()
    made.go_online()
    yield made
    made.close()


@pytest.fixture
def health() -> LoopHealth:
    return LoopHealth()


@pytest.fixture
def watch(parts: Parts, health: LoopHealth) -> LinkWatch:
    return LinkWatch(parts.session, parts.expectations, parts.news, health, random.Random(7))


def test_what_is_overdue_is_told_once_while_there_is_a_link(parts: Parts, watch: LinkWatch) -> None:
    assert watch.look()
    late = Late()
    parts.expectations.expect(b"1", Expected(late, None), parts.now_s + 10)
    parts.clock.advance(9)
    assert watch.look()
    assert late.told_s == []
    parts.clock.advance(1)
    watch.look()
    watch.look()
    assert late.told_s == [parts.now_s]


def test_nothing_is_overdue_without_a_link_nor_at_once_when_it_is_back(parts: Parts, watch: LinkWatch) -> None:
    watch.look()
    late = Late()
    parts.expectations.expect(b"1", Expected(late, None), parts.now_s + 10)
    parts.link.open = False
    parts.clock.advance(100)
    assert not watch.look()
    parts.link.open = True
    assert watch.look()
    assert late.told_s == []
    parts.clock.advance(parts.known.policy.first_s)
    watch.look()
    assert late.told_s == [parts.now_s]


def test_what_waits_for_long_is_sent_again_soon_once_loops_come_back(
    parts: Parts, watch: LinkWatch, health: LoopHealth
) -> None:
    for _ in range(50):
        health.on_lost()
    watch.look()
    soon, *long = [Late() for _ in range(40)]
    parts.expectations.expect(b"soon", Expected(soon, None), parts.now_s + 5)
    for number, late in enumerate(long):
        parts.expectations.expect(b"%d" % number, Expected(late, None), parts.now_s + 3000)
    for _ in range(4):
        parts.clock.advance(1)
        watch.look()
    assert not any(late.told_s for late in (soon, *long))
    while health.problem is not None:
        health.on_returned(1.0)
    back_s = parts.now_s
    for _ in range(round(RECOVERY_S) + 2):
        watch.look()
        parts.clock.advance(1)
    assert soon.told_s == [back_s + 1]
    assert all(len(late.told_s) == 1 for late in long)
    # At random times: not all at once.
    assert len({late.told_s[0] for late in long}) > 10


def test_news_are_told_when_the_link_comes_or_goes(parts: Parts, watch: LinkWatch) -> None:
    watch.look()
    assert parts.told == 1
    watch.look()
    assert parts.told == 1
    parts.link.open = False
    watch.look()
    assert parts.told == 2


def test_a_clock_that_is_set_back_lets_nothing_wait_as_long(parts: Parts, watch: LinkWatch) -> None:
    watch.look()
    late = Late()
    parts.expectations.expect(b"1", Expected(late, None), parts.now_s + 10)
    parts.clock.rightNow -= 3600
    watch.look()
    assert late.told_s == []
    parts.clock.advance(10)
    watch.look()
    assert late.told_s == [parts.now_s]


def test_after_a_sleep_nothing_is_overdue_at_once(parts: Parts, watch: LinkWatch) -> None:
    """The machine slept, or its clock was set forward by a day: what is on its way may still come."""
    watch.look()
    late = Late()
    parts.expectations.expect(b"1", Expected(late, None), parts.now_s + 10)
    parts.clock.advance(24 * 3600)
    watch.look()
    assert late.told_s == []
    parts.clock.advance(parts.known.policy.first_s)
    watch.look()
    assert late.told_s == [parts.now_s]


def test_looks_that_come_as_they_should_change_no_deadline(parts: Parts, watch: LinkWatch) -> None:
    late = Late()
    parts.expectations.expect(b"1", Expected(late, None), parts.now_s + 2 * LEAP_S)
    for _ in range(2):
        watch.look()
        assert late.told_s == []
        parts.clock.advance(LEAP_S)
    watch.look()
    assert late.told_s == [parts.now_s]
