"""What is counted, by whom, and what is promised: the plan, known by its hash (docs/protocol/stats.md, 7)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Annotated

import msgspec

from loopixmix.errors import UNDECODABLE, FormatError, MisuseError

FORMAT = 1
MOST_BYTES = 200_000
MOST_NODES = 1_000
MOST_COUNTERS = 60
MOST_DELTA = Fraction(1, 1_000)
_ID_DOMAIN = b"loopixmix/stats/counters/v1"
_PROVIDER = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}", re.ASCII)

CounterName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
StatusPath = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,39}(\.[a-z0-9][a-z0-9_-]{0,39}){0,3}$")]
NodeKey = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
ShortName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Written = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}(\.[0-9]{1,12})?$")]


class RelayCounter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that nodes count."""

    name: CounterName
    path: StatusPath
    """Where it stands in `status.json`, such as `packets_in` or `dropped.replay`."""
    protected: Annotated[int, msgspec.Meta(ge=1, le=2**40)]
    """So much of the sum over all nodes one user may cause in a period; whoever causes more is protected less."""


class CountingNode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node that takes part. `key`: its program's public Ed25519 key, in hexadecimal digits."""

    name: ShortName
    key: NodeKey


class CounterPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A measurement. `plan_faults` says whether it is a sound one."""

    format: Annotated[int, msgspec.Meta(ge=FORMAT, le=FORMAT)] = FORMAT
    name: CounterName
    opens: Annotated[datetime, msgspec.Meta(tz=True)]
    period_s: Annotated[int, msgspec.Meta(ge=60, le=366 * 86_400)]
    periods: Annotated[int, msgspec.Meta(ge=1, le=400)]
    deliver_s: Annotated[int, msgspec.Meta(ge=60, le=30 * 86_400)]
    """So long after the end of a period the collectors take shares of it."""
    collectors: Annotated[tuple[str, ...], msgspec.Meta(min_length=2, max_length=4)]
    """The providers that host them."""
    eps: Written
    """The loss of one user in a period, over all counters."""
    delta: Written
    least_nodes: Annotated[int, msgspec.Meta(ge=1, le=MOST_NODES)]
    """From so few nodes there is no sum."""
    dishonest: Annotated[int, msgspec.Meta(ge=0, le=MOST_NODES)]
    """So many of them may add no noise, and tell what they know; the noise of the others is enough."""
    counters: Annotated[tuple[RelayCounter, ...], msgspec.Meta(min_length=1, max_length=MOST_COUNTERS)]
    nodes: Annotated[tuple[CountingNode, ...], msgspec.Meta(min_length=1, max_length=MOST_NODES)]

    @property
    def plan_id(self) -> bytes:
        """A hash of it, 32 bytes."""
        return hashlib.sha256(_ID_DOMAIN + encode_plan(self)).digest()

    @property
    def opens_s(self) -> int:
        """When the first period begins, in Unix seconds."""
        return int(self.opens.timestamp())

    @property
    def honest(self) -> int:
        """So many nodes at least add their noise."""
        return self.least_nodes - self.dishonest

    def ends_s(self, period: int) -> int:
        """Return when a period ends, in Unix seconds; the next one begins then."""
        return self.opens_s + (period + 1) * self.period_s

    def period_at(self, now_s: float) -> int | None:
        """Return the period that contains a moment; None outside of all."""
        period = int((now_s - self.opens_s) // self.period_s)
        return period if 0 <= period < self.periods else None


def encode_plan(plan: CounterPlan) -> bytes:
    """Return the one encoding of a plan: JSON with sorted keys, without spaces and floats."""
    return msgspec.json.encode(plan, order="sorted")


def read_plan(data: bytes) -> CounterPlan:
    """Return the sound plan in `data`, JSON in any form; raise `FormatError`, or `MisuseError` with its first fault."""
    if len(data) > MOST_BYTES:
        raise FormatError(f"a plan has at most {MOST_BYTES} bytes, not {len(data)}")
    try:
        plan = msgspec.json.decode(data, type=CounterPlan)
    except UNDECODABLE as error:
        raise FormatError(f"no plan of counters: {error}") from error
    for fault in plan_faults(plan):
        raise MisuseError(fault)
    return plan


def plan_faults(plan: CounterPlan) -> Iterator[str]:
    """Yield what is wrong with a plan, each fault with its place."""
    if plan.opens.utcoffset() != timedelta(0) or plan.opens.microsecond or plan.opens_s < 0:
        yield "opens: a time is a whole second in UTC, such as 2026-12-01T08:00:00Z"
    if not all(map(_PROVIDER.fullmatch, plan.collectors)) or len(set(plan.collectors)) < len(plan.collectors):
        yield "collectors: they are different providers, with 1 to 63 of a-z 0-9 . -"
    if Fraction(plan.eps) <= 0 or not 0 < Fraction(plan.delta) <= MOST_DELTA:
        yield f"eps, delta: they are over 0, and delta is at most {float(MOST_DELTA):g}"
    if plan.honest < 1:
        yield "dishonest: at least one of the least nodes is honest, or nobody adds noise"
    if plan.least_nodes > len(plan.nodes):
        yield "least_nodes: there are fewer nodes"
    for place, names in (
        ("counters", [counter.name for counter in plan.counters]),
        ("nodes", [node.name for node in plan.nodes]),
        ("nodes (key)", [node.key for node in plan.nodes]),
    ):
        if len(set(names)) < len(names):
            yield f"{place}: two of them are the same"
