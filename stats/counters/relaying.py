"""A node's program at work: it watches the node's status, and sends shares when a period has ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from client.api import Client, RequestId, RequestState, UnknownRequestError
from loopixmix.errors import FormatError, MisuseError
from loopixmix.seams import Clock, Rng
from stats.collect.requests import SERVICE, AskedOfCollector, encode_asked
from stats.counters.noise import NoiseDraws
from stats.counters.outbox import OutgoingShare, RelayState, read_state, shares_of, write_state
from stats.counters.plan import CounterPlan
from stats.counters.shares import public_key
from stats.counters.tallying import SeenCounts, begun, observed, read_counts

LATE_S = 60.0
"""A period whose begin or end was missed by more than this is not counted."""
MOST_ATTEMPTS = 8
_WAIT_S = 60.0
"""Before the second attempt; each further one waits twice as long."""


@dataclass(frozen=True)
class CountedNode:
    """The node beside which the program runs: its place in the plan, its key, and how its status is read."""

    plan: CounterPlan
    private: bytes = field(repr=False)
    read_status: Callable[[], bytes | None]
    """Returns the contents of `status.json`; None if there is none now."""

    @property
    def place(self) -> int:
        """Its number in the plan; raises `MisuseError` if the key is not in it."""
        key = public_key(self.private).hex()
        for place, node in enumerate(self.plan.nodes):
            if node.key == key:
                return place
        raise MisuseError(f"the plan has no node with the key {key}")


class RelayCounting:
    """Counts for one plan."""

    def __init__(
        self, node: CountedNode, client: Client, state: Path, *, clock: Clock, rng: Rng, noise: NoiseDraws
    ) -> None:
        """`client`: of a guest account. `state`: the file that remembers. Raises `MisuseError` and `StoreError`."""
        self._node = node
        self._place = node.place
        self._client = client
        self._path = state
        self._clock, self._rng, self._noise = clock, rng, noise
        self._state = read_state(state, node.plan)
        self._unread: str | None = None
        self._untaken: str | None = None

    @property
    def problem(self) -> str | None:
        """What is wrong, in one line; None if all is well."""
        return self._unread or self._untaken

    @property
    def state(self) -> RelayState:
        """What is remembered now."""
        return self._state

    async def turn(self) -> None:
        """Look at the node once, and do what is due; raises the client's errors, and nothing is lost."""
        now_s = self._clock.seconds()
        self._remember(self._counted(now_s))
        for share in self._state.outgoing:
            after = await self._sent(share, now_s)
            if after != share:
                others = [each for each in self._state.outgoing if each != share]
                kept = others if after is None else [*others, after]
                self._remember(replace(self._state, outgoing=tuple(kept)))

    def _counted(self, now_s: float) -> RelayState:
        """Return the state after another look at the node's status."""
        plan, state = self._node.plan, self._state
        seen = self._look()
        tally, outgoing = state.tally, state.outgoing
        if tally is not None and seen is not None:
            tally = observed(tally, seen)
        if tally is not None and now_s >= plan.ends_s(tally.period):
            # A program that comes back later cannot tell what was counted before the end.
            if tally.complete and now_s - plan.ends_s(tally.period) <= LATE_S:
                drawn = shares_of(plan, self._place, tally, self._node.private, noise=self._noise, rng=self._rng)
                outgoing = (*outgoing, *drawn)
            seen, tally = seen or tally.seen, None
        period = plan.period_at(now_s)
        if tally is None and period is not None:
            in_time = now_s - plan.ends_s(period - 1) <= LATE_S
            tally = begun(period, len(plan.counters), complete=in_time and seen is not None, seen=seen)
        return replace(state, tally=tally, outgoing=outgoing)

    def _look(self) -> SeenCounts | None:
        status = self._node.read_status()
        if status is None:
            self._unread = "the node's status is not there"
            return None
        try:
            seen = read_counts(status, self._node.plan)
        except FormatError as error:
            self._unread = str(error)
            return None
        self._unread = None
        return seen

    async def _sent(self, share: OutgoingShare, now_s: float) -> OutgoingShare | None:
        """Return a share as it is after a step; None if nothing is left to do for it."""
        plan = self._node.plan
        until_s = plan.ends_s(share.period) + plan.deliver_s
        if not share.request:
            if now_s >= until_s or share.attempt >= MOST_ATTEMPTS:
                self._untaken = f"{plan.collectors[share.collector]} did not take the share of period {share.period}"
                return None
            again_s = now_s + _WAIT_S * 2 ** (share.attempt - 1)
            request = await self._client.post_request(
                f"{SERVICE}@{plan.collectors[share.collector]}",
                encode_asked(AskedOfCollector.SHARE, share.body),
                idempotency_key=f"counters-{self._state.plan[:16]}-{share.period}-{share.collector}-{share.attempt}",
                not_before_s=again_s if share.attempt and again_s < until_s else None,
                deadline_s=until_s,
            )
            return replace(share, request=str(request))
        try:
            posted = await self._client.answer(RequestId(share.request))
        except UnknownRequestError:
            return replace(share, request="", attempt=share.attempt + 1)
        if posted.state in (RequestState.QUEUED, RequestState.ASKING):
            return share
        await self._client.forget_request(RequestId(share.request))
        if posted.state is RequestState.ANSWERED:
            self._untaken = None
            return None
        # The collector may be away, or not have the plan yet.
        return replace(share, request="", attempt=share.attempt + 1)

    def _remember(self, state: RelayState) -> None:
        if state != self._state:
            write_state(self._path, state)
            self._state = state
