from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from client.sending.turns import RoundRobin


def drain(queue: RoundRobin[str]) -> list[tuple[str, int]]:
    taken = []
    while (item := queue.take()) is not None:
        taken.append(item)
    return taken


def test_messages_take_turns() -> None:
    queue: RoundRobin[str] = RoundRobin()
    queue.add("long", range(4))
    queue.add("short", range(2))
    assert len(queue) == 6
    assert drain(queue) == [("long", 0), ("short", 0), ("long", 1), ("short", 1), ("long", 2), ("long", 3)]


def test_a_short_message_overtakes_a_long_one() -> None:
    queue: RoundRobin[str] = RoundRobin()
    queue.add("long", range(1000))
    assert [queue.take() for _ in range(3)] == [("long", 0), ("long", 1), ("long", 2)]
    queue.add("short", [0])
    assert ("short", 0) in [queue.take(), queue.take()]


def test_a_resend_takes_its_turn_lowest_number_first() -> None:
    queue: RoundRobin[str] = RoundRobin()
    queue.add("a", [3, 4])
    queue.add("b", [0])
    queue.add("a", [0])
    assert drain(queue) == [("a", 0), ("b", 0), ("a", 3), ("a", 4)]


def test_what_waits_already_is_not_added_twice() -> None:
    queue: RoundRobin[str] = RoundRobin()
    queue.add("a", [1, 2])
    queue.add("a", [2, 1])
    assert drain(queue) == [("a", 1), ("a", 2)]


def test_discarding_and_removing() -> None:
    queue: RoundRobin[str] = RoundRobin()
    queue.add("a", [1, 2])
    queue.add("b", [1])
    queue.discard("a", 1)
    queue.discard("a", 9)
    queue.discard("nobody", 0)
    queue.add("a", [1])
    queue.discard("a", 1)
    assert len(queue) == 2
    queue.remove("b")
    queue.remove("b")
    assert drain(queue) == [("a", 2)]
    queue.discard("a", 2)
    assert queue.take() is None


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8))
def test_nobody_waits_longer_than_one_turn_of_each_other(lengths: list[int]) -> None:
    queue: RoundRobin[int] = RoundRobin()
    for key, length in enumerate(lengths):
        queue.add(key, range(length))
    last_turn = dict.fromkeys(range(len(lengths)), -1)
    turn = 0
    while (item := queue.take()) is not None:
        key, _ = item
        assert turn - last_turn[key] <= len(lengths)
        last_turn[key] = turn
        turn += 1
    assert turn == sum(lengths)


class Queue(RuleBasedStateMachine):
    """Whatever is done to it, it holds what a plain set of pairs holds."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: RoundRobin[int] = RoundRobin()
        self.model: set[tuple[int, int]] = set()

    @rule(key=st.integers(0, 3), indices=st.lists(st.integers(0, 5)))
    def add(self, key: int, indices: list[int]) -> None:
        self.queue.add(key, indices)
        self.model |= {(key, index) for index in indices}

    @rule()
    def take(self) -> None:
        item = self.queue.take()
        if item is None:
            assert not self.model
        else:
            assert item[1] == min(index for key, index in self.model if key == item[0])
            self.model.remove(item)

    @rule(key=st.integers(0, 3), index=st.integers(0, 5))
    def discard(self, key: int, index: int) -> None:
        self.queue.discard(key, index)
        self.model.discard((key, index))

    @rule(key=st.integers(0, 3))
    def remove(self, key: int) -> None:
        self.queue.remove(key)
        self.model = {item for item in self.model if item[0] != key}

    @invariant()
    def as_many(self) -> None:
        assert len(self.queue) == len(self.model)


def test_it_holds_what_a_set_holds() -> None:
    run_state_machine_as_test(Queue)
