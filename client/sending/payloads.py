"""The next packets of the payload stream: fragments, requests and replies take turns, or there is nothing.

Fragments lie in the store; the next few are fetched ahead, so that the stream never waits for the disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

from twisted.logger import Logger
from twisted.python.failure import Failure

from client.core.packets import PacketMaker
from client.sending.turns import RoundRobin
from client.store import outgoing
from client.store.outgoing import FragmentPlace, MessageRow, StoredFragment
from loopixmix.store.access import StoreAccess

log = Logger()


class PayloadJob(Protocol):
    """One payload packet."""

    @property
    def wanted(self) -> bool:
        """Tell whether it is still to be sent."""

    def make(self, maker: PacketMaker, now_s: float) -> bytes | None:
        """Return the packet; None if it cannot be sent now (then it comes again later)."""

    def on_sent(self, now_s: float) -> None:
        """Note that the packet that `make` returned has left."""

    def on_unsent(self) -> None:
        """Note that the packet did not leave: it takes its turn again."""


class Flow(Hashable, Protocol):
    """Something that takes turns: a message with many fragments, or a request with its one packet."""

    @property
    def row(self) -> MessageRow | None:
        """The row of its fragments in the store; None if it needs nothing from there."""

    def take_turn(self, position: int) -> bool:
        """Note that the turn of a fragment has come; false if it is not wanted any more."""

    def give_back(self, position: int) -> bool:
        """Note that a fragment could not be read and waits again; false if it is not wanted any more."""

    def job(self, position: int, stored: StoredFragment | None) -> PayloadJob | None:
        """Return the packet to make of a fragment; None if it is not wanted any more. `stored`: what was read."""


Turn: TypeAlias = tuple[Flow, int]


class PayloadQueue:
    """The order in which the payload stream sends what waits, and the next few jobs at hand.

    A flow itself knows what is wanted of it and where each of its fragments is.
    """

    def __init__(self, access: StoreAccess) -> None:
        """Begin without anything that waits; fragments are read by `access`."""
        self._access = access
        self._turns: RoundRobin[Flow] = RoundRobin()
        self._staged: deque[PayloadJob] = deque()
        self._fetching = 0
        self._lookahead = 1

    def __len__(self) -> int:
        """Return how much waits."""
        return len(self._turns) + self._fetching + len(self._staged)

    @property
    def at_hand(self) -> int:
        """How many leave before everything that still waits for its turn."""
        return self._fetching + len(self._staged)

    def waiting(self) -> list[int]:
        """Return how much of each flow waits for its turn."""
        return self._turns.waiting()

    def look_ahead(self, count: int) -> None:
        """Keep `count` jobs at hand; more means that newcomers wait longer."""
        self._lookahead = max(1, count)

    def add(self, flow: Flow, positions: Iterable[int]) -> None:
        """Let these fragments of a message (or the one packet of a request) take their turns."""
        self._turns.add(flow, positions)
        self._fetch()

    def discard(self, flow: Flow, position: int) -> None:
        """Forget a fragment that waits: its acknowledgement came."""
        self._turns.discard(flow, position)

    def remove(self, flow: Flow) -> None:
        """Forget everything of a message or request."""
        self._turns.remove(flow)

    def next(self) -> PayloadJob | None:
        """Return what is sent now, or None."""
        job = None
        while self._staged and job is None:
            job = self._staged.popleft()
            if not job.wanted:
                job = None
        self._fetch()
        return job

    def _fetch(self) -> None:
        if self._fetching or len(self._staged) >= self._lookahead:
            return
        turns = self._take_turns()
        if not turns:
            return
        wanted = [(flow.row, position) for flow, position in turns if flow.row is not None]
        if not wanted:
            self._stage(turns, {})
            return
        self._fetching = len(turns)
        loading = self._access.read(lambda c: outgoing.load_fragments(c, wanted))
        loading.addCallbacks(self._fetched, self._not_fetched, callbackArgs=(turns,), errbackArgs=(turns,))

    def _take_turns(self) -> list[Turn]:
        turns: list[Turn] = []
        while len(turns) < self._lookahead and (turn := self._turns.take()) is not None:
            flow, position = turn
            if flow.take_turn(position):
                turns.append(turn)
        return turns

    def _fetched(self, found: Mapping[FragmentPlace, StoredFragment], turns: Sequence[Turn]) -> None:
        self._fetching = 0
        self._stage(turns, found)
        if not self._staged:
            self._fetch()

    def _not_fetched(self, failure: Failure, turns: Sequence[Turn]) -> None:
        self._fetching = 0
        log.error("fragments cannot be read: {reason}", reason=failure.getErrorMessage())
        for flow, position in turns:
            if flow.give_back(position):
                # Not `add`, which would read again at once: a store that fails now is asked at the next payload.
                self._turns.add(flow, [position])

    def _stage(self, turns: Sequence[Turn], found: Mapping[FragmentPlace, StoredFragment]) -> None:
        for flow, position in turns:
            row = flow.row
            job = flow.job(position, None if row is None else found.get((row, position)))
            if job is not None:
                self._staged.append(job)
