"""What the payload stream sends next: fragments, requests and replies take turns, or there is nothing.

Fragments lie in the store; the next few are fetched ahead, so that the stream never waits for the disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.core.packets import PacketMaker
from client.sending.turns import RoundRobin
from client.store.outgoing import MessageRow

log = Logger()

RequestId: TypeAlias = bytes
FlowKey: TypeAlias = MessageRow | RequestId
FragmentKey: TypeAlias = tuple[MessageRow, int]


class Job(Protocol):
    """One payload packet."""

    @property
    def wanted(self) -> bool:
        """Tell whether it is still to be sent."""

    def make(self, maker: PacketMaker, now_s: float) -> bytes | None:
        """Return the packet; None where it cannot be sent now (then it comes again later)."""

    def on_sent(self, now_s: float) -> None:
        """Note that the packet that `make` returned has left."""

    def on_unsent(self) -> None:
        """Note that the packet did not leave: it takes its turn again."""


class Fragments(Protocol):
    """Where fragments come from."""

    def load(self, wanted: Sequence[FragmentKey]) -> Deferred[dict[FragmentKey, Job]]:
        """Fetch fragments; those that are not wanted any more are left out."""


class Requests(Protocol):
    """Where requests come from."""

    def job(self, request_id: RequestId) -> Job | None:
        """Return a request that waits, or None where it is not wanted any more."""


class PayloadQueue:
    """Everything that waits for the payload stream."""

    def __init__(self) -> None:
        """Begin without anything; see `connect`."""
        self._turns: RoundRobin[FlowKey] = RoundRobin()
        self._staged: deque[Job] = deque()
        self._fetching = 0
        self._lookahead = 1
        self._fragments: Fragments | None = None
        self._requests: Requests | None = None

    def connect(self, fragments: Fragments, requests: Requests) -> None:
        """Take what is sent from here."""
        self._fragments = fragments
        self._requests = requests

    def __len__(self) -> int:
        """Return how much waits."""
        return len(self._turns) + self._fetching + len(self._staged)

    def look_ahead(self, count: int) -> None:
        """Keep `count` jobs at hand; more means that newcomers wait longer."""
        self._lookahead = max(1, count)

    def add(self, key: FlowKey, positions: Iterable[int]) -> None:
        """Let these fragments of a message (or the one packet of a request) take their turns."""
        self._turns.add(key, positions)
        self._fetch()

    def discard(self, key: FlowKey, position: int) -> None:
        """Forget a fragment that waits: its acknowledgement came."""
        self._turns.discard(key, position)

    def remove(self, key: FlowKey) -> None:
        """Forget everything of a message or request."""
        self._turns.remove(key)

    def next(self) -> Job | None:
        """Return what is sent now, or None."""
        job = None
        while self._staged and job is None:
            job = self._staged.popleft()
            if not job.wanted:
                job = None
        self._fetch()
        return job

    def _fetch(self) -> None:
        if self._fetching or self._fragments is None or len(self._staged) >= self._lookahead:
            return
        turns: list[tuple[FlowKey, int]] = []
        while len(turns) < self._lookahead and (turn := self._turns.take()) is not None:
            turns.append(turn)
        if not turns:
            return
        wanted = [(key, position) for key, position in turns if isinstance(key, int)]
        if not wanted:
            self._stage(turns, {})
            return
        self._fetching = len(turns)
        loading = self._fragments.load(wanted)
        loading.addCallbacks(self._fetched, self._not_fetched, callbackArgs=(turns,), errbackArgs=(turns,))

    def _fetched(self, jobs: dict[FragmentKey, Job], turns: Sequence[tuple[FlowKey, int]]) -> None:
        self._fetching = 0
        self._stage(turns, jobs)
        if not self._staged:
            self._fetch()

    def _not_fetched(self, failure: Failure, turns: Sequence[tuple[FlowKey, int]]) -> None:
        self._fetching = 0
        log.error("fragments cannot be read: {reason}", reason=failure.getErrorMessage())
        for key, position in turns:
            self._turns.add(key, [position])

    def _stage(self, turns: Sequence[tuple[FlowKey, int]], jobs: dict[FragmentKey, Job]) -> None:
        for key, position in turns:
            if isinstance(key, int):
                job = jobs.get((key, position))
            else:
                job = self._requests.job(key) if self._requests is not None else None
            if job is not None:
                self._staged.append(job)
