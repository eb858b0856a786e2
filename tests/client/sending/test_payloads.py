from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from client.core.packets import PacketMaker
from client.sending.payloads import PayloadQueue
from client.store.outgoing import StoredFragment
from tests.worlds.clients.parts import Parts, fragments_in


@dataclass
class NamedJob:
    """A job that only has a name."""

    name: str
    wanted: bool = True

    def make(self, maker: PacketMaker, now_s: float) -> bytes | None:
        raise AssertionError(self.name)

    def on_sent(self, now_s: float) -> None:
        raise AssertionError(self.name)

    def on_unsent(self) -> None:
        raise AssertionError(self.name)


@dataclass(eq=False)
class NamedFlow:
    """A flow whose jobs are named after it."""

    name: str
    row: int | None = None
    wanted: bool = True
    jobs: list[NamedJob] = field(default_factory=list)
    stored: list[StoredFragment | None] = field(default_factory=list)

    def take_turn(self, position: int) -> bool:
        return self.wanted

    def give_back(self, position: int) -> bool:
        return self.wanted

    def job(self, position: int, stored: StoredFragment | None) -> NamedJob | None:
        self.stored.append(stored)
        if self.row is not None and stored is None:
            return None
        job = NamedJob(f"{self.name}{position}")
        self.jobs.append(job)
        return job


@pytest.fixture
def parts() -> Iterator[Parts]:
    made = Parts()
    made.go_online()
    made.befriend_bob()
    yield made
    made.close()


@pytest.fixture
def queue(parts: Parts) -> PayloadQueue:
    return PayloadQueue(parts.access)


def names(queue: PayloadQueue, count: int) -> list[str | None]:
    jobs = [queue.next() for _ in range(count)]
    assert all(job is None or isinstance(job, NamedJob) for job in jobs)
    return [job.name if isinstance(job, NamedJob) else None for job in jobs]


def test_an_empty_queue_has_nothing(queue: PayloadQueue) -> None:
    assert (queue.next(), len(queue)) == (None, 0)


def test_flows_take_turns(queue: PayloadQueue) -> None:
    queue.add(NamedFlow("a"), [0, 1, 2])
    queue.add(NamedFlow("b"), [0])
    queue.add(NamedFlow("c"), [0, 1])
    assert len(queue) == 6
    assert names(queue, 7) == ["a0", "a1", "b0", "c0", "a2", "c1", None]


def test_fragments_are_read_from_the_store(parts: Parts, queue: PayloadQueue) -> None:
    parts.post(bytes(4000))
    [row] = {row for row, _ in fragments_in(parts.store)}
    flow = NamedFlow("m", row=row)
    queue.look_ahead(4)
    queue.add(flow, range(3))
    assert names(queue, 4) == ["m0", "m1", "m2", None]
    assert all(stored is not None and len(stored.payload) == 2048 for stored in flow.stored)


def test_what_the_store_has_no_more_is_left_out(parts: Parts, queue: PayloadQueue) -> None:
    queue.add(NamedFlow("m", row=77), [0])
    queue.add(NamedFlow("r"), [0])
    assert names(queue, 3) == ["r0", None, None]


def test_what_is_not_wanted_any_more_is_left_out(queue: PayloadQueue) -> None:
    first, second = NamedFlow("a"), NamedFlow("b")
    queue.add(first, [0])  # read ahead at once
    queue.add(second, [0])
    first.jobs[0].wanted = False
    second.wanted = False
    assert names(queue, 2) == [None, None]


def test_one_fragment_or_a_whole_flow_is_taken_out(queue: PayloadQueue) -> None:
    ahead, flow, other = NamedFlow("x"), NamedFlow("a"), NamedFlow("b")
    queue.add(ahead, [0])
    queue.add(flow, [0, 1, 2])
    queue.add(other, [0, 1])
    queue.discard(flow, 1)
    queue.remove(other)
    assert names(queue, 4) == ["x0", "a0", "a2", None]


def test_a_store_that_fails_costs_no_fragment(parts: Parts, queue: PayloadQueue) -> None:
    parts.post(bytes(4000))
    [row] = {row for row, _ in fragments_in(parts.store)}
    flow, gone = NamedFlow("m", row=row), NamedFlow("n", row=row)
    parts.store.failing = True
    queue.look_ahead(4)
    queue.add(flow, [0, 1])
    queue.add(gone, [2])
    gone.wanted = False
    assert names(queue, 1) == [None]
    parts.store.failing = False
    assert names(queue, 4) == [None, "m0", "m1", None]
