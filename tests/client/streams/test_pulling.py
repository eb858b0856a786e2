from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from twisted.logger import capturedLogs

from client.link.pulls import PullBook
from client.streams.pulling import Chores, Pulling
from loopixmix.wire import Pull
from tests.worlds.clients.parts import Parts
from tests.worlds.clients.world import QUICK

INTERVAL_S = 1 / QUICK.pull_rate_per_s


class Counted:
    """Chores that are counted."""

    def __init__(self) -> None:
        self.done = 0

    def at_pull(self) -> None:
        self.done += 1


@pytest.fixture
def parts() -> Iterator[Parts]:
    made = Parts()
    made.go_online()
    yield made
    made.close()


@pytest.fixture
def chores() -> Counted:
    return Counted()


@pytest.fixture
def pulling(parts: Parts, chores: Counted) -> Iterator[Pulling]:
    made = Pulling(
        session=parts.session,
        pulls=PullBook(),
        chores=chores,
        clock=parts.clock,
        rng=parts.rng,
        monotonic=parts.clock.seconds,
    )
    yield made
    made.stop()


def new_pulling(parts: Parts, chores: Chores) -> Pulling:
    return Pulling(
        session=parts.session,
        pulls=PullBook(),
        chores=chores,
        clock=parts.clock,
        rng=parts.rng,
        monotonic=parts.clock.seconds,
    )


def pulls(parts: Parts) -> list[Pull]:
    return [frame for frame in parts.sent_frames() if isinstance(frame, Pull)]


def test_pulls_leave_at_a_constant_rate_with_numbers_that_follow(parts: Parts, pulling: Pulling) -> None:
    pulling.run(QUICK)
    parts.clock.pump([INTERVAL_S] * 10)
    numbers = [pull.request_id for pull in pulls(parts)]
    assert len(numbers) == 10
    assert numbers == list(range(numbers[0], numbers[0] + 10))


def test_without_a_link_nothing_leaves_and_nothing_is_made_up_for(
    parts: Parts, pulling: Pulling, chores: Counted
) -> None:
    pulling.run(QUICK)
    parts.link.open = False
    parts.clock.pump([INTERVAL_S] * 10)
    assert pulls(parts) == []
    assert chores.done == 10
    parts.link.open = True
    parts.clock.pump([INTERVAL_S] * 2)
    assert len(pulls(parts)) == 2


def test_a_sleep_of_the_machine_is_not_made_up_for(parts: Parts, pulling: Pulling) -> None:
    pulling.run(QUICK)
    parts.clock.advance(100 * INTERVAL_S)
    before = len(pulls(parts))
    parts.clock.pump([INTERVAL_S] * 3)
    assert before <= 2
    assert len(pulls(parts)) == before + 3


def test_a_new_rate_holds_from_the_next_pull_on(parts: Parts, pulling: Pulling) -> None:
    pulling.run(QUICK)
    parts.clock.pump([INTERVAL_S] * 2)
    pulling.run(msgspec.structs.replace(QUICK, pull_rate_per_s=QUICK.pull_rate_per_s / 4))
    parts.clock.pump([INTERVAL_S] * 8)
    assert len(pulls(parts)) in (4, 5)


def test_chores_are_done_before_the_pull_leaves(parts: Parts) -> None:
    order: list[str] = []

    class Noting:
        """Chores that note how many pulls had left."""

        def at_pull(self) -> None:
            order.append(f"after {len(pulls(parts))}")

    pulling = Pulling(
        session=parts.session,
        pulls=PullBook(),
        chores=Noting(),
        clock=parts.clock,
        rng=parts.rng,
        monotonic=parts.clock.seconds,
    )
    pulling.run(QUICK)
    parts.clock.pump([INTERVAL_S] * 2)
    pulling.stop()
    assert order == ["after 0", "after 1"]


def test_chores_that_fail_do_not_keep_a_pull_back(parts: Parts) -> None:
    class Failing:
        """Chores with a defect."""

        def at_pull(self) -> None:
            raise KeyError("a defect")

    pulling = new_pulling(parts, Failing())
    pulling.run(QUICK)
    with capturedLogs() as events:
        parts.clock.pump([INTERVAL_S] * 3)
    pulling.stop()
    assert len(pulls(parts)) == 3
    assert len([event for event in events if "log_failure" in event]) == 3


def test_nothing_is_pulled_after_the_stop(parts: Parts, pulling: Pulling) -> None:
    pulling.run(QUICK)
    pulling.stop()
    assert parts.clock.getDelayedCalls() == []


def test_the_first_pull_is_at_a_random_moment_of_the_first_interval() -> None:
    """Otherwise the pulls of all clients that a computer starts would come together, and tell that they belong so."""
    moments_s = set()
    for seed in range(5):
        parts = Parts(seed=seed)
        parts.go_online()
        pulling = Pulling(
            session=parts.session,
            pulls=PullBook(),
            chores=Counted(),
            clock=parts.clock,
            rng=parts.rng,
            monotonic=parts.clock.seconds,
        )
        pulling.run(QUICK)
        [call] = parts.clock.getDelayedCalls()
        moments_s.add(call.getTime() - parts.now_s)
        pulling.stop()
        parts.close()
    assert all(0 <= moment_s < INTERVAL_S for moment_s in moments_s)
    assert len(moments_s) == 5
