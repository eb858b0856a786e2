"""Whose turn it is: one thing to send from each message, round and round, so that none waits behind another."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

FlowKey = TypeVar("FlowKey", bound=Hashable)


class _Flow:
    """The fragments of one message that wait, lowest number first."""

    __slots__ = ("_heap", "waiting")

    def __init__(self) -> None:
        self._heap: list[int] = []
        self.waiting: set[int] = set()

    def add(self, index: int) -> None:
        if index not in self.waiting:
            self.waiting.add(index)
            heapq.heappush(self._heap, index)

    def take(self) -> int:
        while True:
            # What was discarded is still in the heap: to search for it there would cost more than to skip it here.
            index = heapq.heappop(self._heap)
            if index in self.waiting:
                self.waiting.remove(index)
                return index


class RoundRobin(Generic[FlowKey]):
    """Flows (messages, requests, replies) take turns; within one, the lowest waiting number goes first.

    A re-send waits its turn like everything else. A flow with something to send waits for at most one turn of each
    other flow, however long those are.
    """

    def __init__(self) -> None:
        """Begin without flows."""
        self._flows: OrderedDict[FlowKey, _Flow] = OrderedDict()
        self._waiting = 0

    def __len__(self) -> int:
        """Return how many things wait."""
        return self._waiting

    def waiting(self) -> list[int]:
        """Return how many things of each flow wait, in the order of their turns."""
        return [len(flow.waiting) for flow in self._flows.values()]

    def add(self, key: FlowKey, indices: Iterable[int]) -> None:
        """Let these numbers of the flow `key` wait; those that wait already stay where they are."""
        flow = self._flows.get(key) or _Flow()
        before = len(flow.waiting)
        for index in indices:
            flow.add(index)
        if flow.waiting:
            self._flows.setdefault(key, flow)
        self._waiting += len(flow.waiting) - before

    def take(self) -> tuple[FlowKey, int] | None:
        """Return what is sent next, and count it as sent; None if nothing waits."""
        if not self._flows:
            return None
        key, flow = next(iter(self._flows.items()))
        index = flow.take()
        self._waiting -= 1
        if flow.waiting:
            # To the end of the round: the next flow has its turn first, however long this one is.
            self._flows.move_to_end(key)
        else:
            del self._flows[key]
        return key, index

    def discard(self, key: FlowKey, index: int) -> None:
        """Forget one waiting number, if it is there (its acknowledgement came before its re-send)."""
        flow = self._flows.get(key)
        if flow is None or index not in flow.waiting:
            return
        flow.waiting.remove(index)
        self._waiting -= 1
        if not flow.waiting:
            del self._flows[key]

    def remove(self, key: FlowKey) -> None:
        """Forget a whole flow, if it is there."""
        flow = self._flows.pop(key, None)
        if flow is not None:
            self._waiting -= len(flow.waiting)
