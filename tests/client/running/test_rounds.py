"""What is done again and again: by parts that only note that it was asked of them."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from client.running.rounds import TIDY_S, Rounds


class Noting:
    """Every part at once: notes what it is asked, in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.linked = True
        self.progress_mark = 0
        self.broken = False

    def look(self) -> bool:
        self.asked.append("look")
        return self.linked

    def refresh(self) -> None:
        self.asked.append("refresh")

    def release(self) -> None:
        self.asked.append("release")

    def give_up(self) -> None:
        self.asked.append("give up")
        if self.broken:
            raise ValueError("no end")

    def save_soon(self) -> None:
        self.asked.append("save")

    def publish(self) -> None:
        self.asked.append("publish")

    def renew(self) -> None:
        self.asked.append("renew")

    def tell(self) -> None:
        self.asked.append("tell")

    def tidy(self) -> None:
        self.asked.append("tidy")
        if self.broken:
            raise ValueError("no broom")

    def work(self) -> None:
        self.asked.append("fetch tokens")


class Looking:
    """Posted requests, which are looked at by the same name as the link."""

    def __init__(self, noting: Noting) -> None:
        self._noting = noting

    def look(self) -> None:
        self._noting.asked.append("ask")


@pytest.fixture
def parts() -> Noting:
    return Noting()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rounds(parts: Noting, clock: Clock) -> Rounds:
    return Rounds(
        watch=parts,  # type: ignore[arg-type]
        exchanges=parts,  # type: ignore[arg-type]
        posted=Looking(parts),  # type: ignore[arg-type]
        outbox=parts,  # type: ignore[arg-type]
        enrolment=parts,  # type: ignore[arg-type]
        each_minute=(parts.tidy, parts.work),
        news=parts,  # type: ignore[arg-type]
        clock=clock,
    )


def test_at_a_pull_what_is_overdue_comes_before_what_waits(rounds: Rounds, parts: Noting) -> None:
    rounds.at_pull()
    assert parts.asked == ["look", "refresh", "publish", "renew", "ask", "give up", "release", "save"]


def test_that_messages_got_on_is_told_once_a_second(rounds: Rounds, parts: Noting, clock: Clock) -> None:
    clock.advance(100)
    for _ in range(20):
        parts.progress_mark += 1
        rounds.at_pull()
        clock.advance(0.1)
    assert parts.asked.count("tell") == 2
    rounds.at_pull()
    clock.advance(1)
    rounds.at_pull()
    assert parts.asked.count("tell") == 3
    clock.rightNow -= 50
    parts.progress_mark += 1
    rounds.at_pull()
    assert parts.asked.count("tell") == 4


def test_without_a_link_no_card_is_published(rounds: Rounds, parts: Noting) -> None:
    parts.linked = False
    rounds.at_pull()
    assert parts.asked == ["look", "ask", "give up", "release", "save"]


def test_once_a_minute_it_tidies_until_it_is_stopped(rounds: Rounds, parts: Noting, clock: Clock) -> None:
    rounds.start()
    clock.advance(TIDY_S)
    assert parts.asked == ["save", "tidy", "fetch tokens"]
    clock.advance(TIDY_S)
    assert len(parts.asked) == 6
    rounds.stop()
    assert clock.getDelayedCalls() == []


def test_it_may_be_stopped_before_it_has_begun(rounds: Rounds, clock: Clock) -> None:
    rounds.stop()
    assert clock.getDelayedCalls() == []


def test_one_part_that_fails_is_told_and_keeps_no_other_from_its_work(
    rounds: Rounds, parts: Noting, clock: Clock
) -> None:
    rounds.start()
    parts.broken = True
    clock.advance(TIDY_S)
    assert parts.asked == ["save", "tidy", "fetch tokens"]
    assert rounds.problem == "tidying up failed, and is tried again: no broom"
    rounds.at_pull()  # a pull leaves after it, whatever happens
    assert rounds.problem == "the work at each pull failed, and is tried again: no end"
    parts.broken = False
    rounds.at_pull()
    clock.advance(TIDY_S)
    assert rounds.problem is None
    rounds.stop()
