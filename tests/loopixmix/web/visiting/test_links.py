"""One-time links."""

from __future__ import annotations

import random

import pytest
from twisted.internet.task import Clock

from loopixmix.web.visiting.links import LINK_LIFE_S, MOST_LINKS, OneTimeLinks


class Bench:
    """Links on a clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.links = OneTimeLinks(clock=self.clock, rng=random.Random(1))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_link_is_good_once(bench: Bench) -> None:
    secret = bench.links.make()
    assert len(secret) == 43
    assert bench.links.is_good(secret)
    assert bench.links.is_good(secret)
    assert bench.links.use(secret)
    assert not bench.links.is_good(secret)
    assert not bench.links.use(secret)


def test_a_link_is_good_for_minutes(bench: Bench) -> None:
    early, late = bench.links.make(), bench.links.make()
    bench.clock.advance(LINK_LIFE_S - 1)
    assert bench.links.use(early)
    bench.clock.advance(1)
    assert not bench.links.use(late)


def test_a_clock_that_was_set_back_does_not_prolong_it(bench: Bench) -> None:
    secret = bench.links.make()
    bench.clock.rightNow -= 1
    assert not bench.links.use(secret)


def test_of_many_links_the_newest_count(bench: Bench) -> None:
    secrets = [bench.links.make() for _ in range(MOST_LINKS + 1)]
    assert [bench.links.is_good(secret) for secret in secrets] == [False, *[True] * MOST_LINKS]


def test_a_guess_is_not_good(bench: Bench) -> None:
    bench.links.make()
    assert not bench.links.use("a" * 43)
    assert not bench.links.use("")
