from __future__ import annotations

from collections.abc import Iterator

import pytest

from client.core.packets import MadePacket
from client.streams.loops import Loops
from loopixmix.seams import LoopLost, LoopReturned, LoopSent
from tests.worlds.clients.parts import Parts


@pytest.fixture
def parts() -> Iterator[Parts]:
    made = Parts()
    made.go_online()
    yield made
    made.close()


@pytest.fixture
def loops(parts: Parts) -> Loops:
    return Loops(parts.session, parts.expectations, parts.observer)


def send_loop(parts: Parts, loops: Loops) -> MadePacket:
    maker = parts.session.maker()
    assert maker is not None
    made = maker.loop(parts.now_s)
    loops.on_sent(made, parts.now_s)
    return made


def come_back(parts: Parts, surb_id: bytes) -> None:
    expected = parts.expectations.find(surb_id)
    assert expected is not None
    assert expected.purpose.on_answer(b"", parts.now_s)
    parts.expectations.settle(surb_id)


def be_overdue(parts: Parts) -> None:
    for purpose in parts.expectations.overdue(parts.now_s):
        purpose.on_overdue(parts.now_s)


def facts(parts: Parts) -> list[type]:
    return [type(fact) for fact in parts.observer.facts]


def test_a_loop_that_comes_back_tells_its_round_trip(parts: Parts, loops: Loops) -> None:
    made = send_loop(parts, loops)
    parts.clock.advance(3.0)
    come_back(parts, made.surb_id)
    assert (loops.health.returned, loops.health.lost) == (1, 0)
    assert loops.health.round_trip_mean_s == pytest.approx(3.0)
    assert facts(parts) == [LoopSent, LoopReturned]


def test_a_loop_that_does_not_come_back_in_time_is_lost_for_good(parts: Parts, loops: Loops) -> None:
    made = send_loop(parts, loops)
    parts.clock.advance(parts.known.policy.first_s)
    be_overdue(parts)
    assert (loops.health.returned, loops.health.lost) == (0, 1)
    assert facts(parts) == [LoopSent, LoopLost]
    # Should it come now, it is none of ours: it must not count twice.
    assert parts.expectations.find(made.surb_id) is None


def test_a_stand_in_tells_nothing_whether_it_comes_back_or_not(parts: Parts, loops: Loops) -> None:
    loops.on_stand_in_sent(b"stand-in")
    loops.on_stand_in_sent(b"never back")
    parts.clock.advance(1e6)
    be_overdue(parts)
    come_back(parts, b"stand-in")
    assert (loops.health.returned, loops.health.lost) == (0, 0)
    assert facts(parts) == []
    assert parts.expectations.find(b"never back") is not None


def test_a_clock_that_is_set_back_makes_no_negative_round_trip(parts: Parts, loops: Loops) -> None:
    made = send_loop(parts, loops)
    parts.clock.rightNow -= 3600
    come_back(parts, made.surb_id)
    assert loops.health.round_trip_mean_s == 0.0
