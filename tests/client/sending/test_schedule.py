from __future__ import annotations

from client.sending.schedule import COMPACTED_FROM, Schedule


def test_what_is_due_comes_in_the_order_of_its_moments_and_once() -> None:
    schedule: Schedule[str] = Schedule(is_wanted=lambda key: key != "unwanted")
    for at_s, key in [(3.0, "late"), (1.0, "first"), (2.0, "unwanted"), (1.0, "second")]:
        schedule.add(at_s, key)
    assert schedule.due(0.5) == []
    assert schedule.due(2.5) == ["first", "second"]
    assert schedule.due(2.5) == []
    assert schedule.due(3.0) == ["late"]


def test_a_clock_that_is_set_back_makes_nothing_due() -> None:
    schedule: Schedule[str] = Schedule(is_wanted=lambda key: True)
    schedule.add(10.0, "later")
    assert schedule.due(9.0) == []
    assert schedule.due(1.0) == []
    assert schedule.due(10.0) == ["later"]


def test_what_is_done_with_does_not_pile_up() -> None:
    wanted: set[int] = set()
    schedule: Schedule[int] = Schedule(is_wanted=wanted.__contains__)
    for number in range(20 * COMPACTED_FROM):
        wanted.add(number)
        wanted.discard(number - 10)
        schedule.add(1e9 + number, number)
    assert len(schedule) <= COMPACTED_FROM + 1
    assert schedule.due(2e9) == sorted(wanted)
