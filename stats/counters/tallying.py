"""What a node counted in a period, from the counts since its start that its `status.json` tells."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from loopixmix.errors import FormatError
from stats.counters.plan import CounterPlan

MOST_COUNT = 2**62


class SeenCounts(msgspec.Struct, frozen=True):
    """What a status said: when the node was started, and its counts since then."""

    started_at_s: float
    counts: tuple[int, ...]


class PeriodTally(msgspec.Struct, frozen=True):
    """What was counted so far in a period. `complete`: it was watched from its begin on."""

    period: int
    complete: bool
    counted: tuple[int, ...]
    seen: SeenCounts | None = None


def read_counts(status: bytes, plan: CounterPlan) -> SeenCounts:
    """Return the plan's counters in a node's status; raise `FormatError` if one of them is not there."""
    try:
        found: object = msgspec.json.decode(status)
    except msgspec.MsgspecError as error:
        raise FormatError(f"the status is damaged: {error}") from error
    started = _at(found, "started_at_s")
    if isinstance(started, bool) or not isinstance(started, int | float):
        raise FormatError("the status does not tell when the node was started")
    return SeenCounts(float(started), tuple(_count(found, counter.path) for counter in plan.counters))


def begun(period: int, counters: int, *, complete: bool, seen: SeenCounts | None) -> PeriodTally:
    """Return the tally of a period at its begin."""
    return PeriodTally(period, complete, (0,) * counters, seen)


def observed(tally: PeriodTally, now: SeenCounts) -> PeriodTally:
    """Add what was counted since the status that was seen before; a node that was started anew counts from 0.

    What a node counted between the last status that was seen and its end is lost.
    """
    before = tally.seen
    if before is None:
        return msgspec.structs.replace(tally, seen=now)
    anew = now.started_at_s != before.started_at_s or _fell(before.counts, now.counts)
    since: Sequence[int] = [0] * len(now.counts) if anew else before.counts
    grown = tuple(count - earlier for count, earlier in zip(now.counts, since, strict=True))
    counted = tuple(total + more for total, more in zip(tally.counted, grown, strict=True))
    return msgspec.structs.replace(tally, counted=counted, seen=now)


def _fell(before: Sequence[int], now: Sequence[int]) -> bool:
    return any(count < earlier for count, earlier in zip(now, before, strict=True))


def _at(found: object, path: str) -> object:
    for word in path.split("."):
        found = found.get(word) if isinstance(found, dict) else None
    return found


def _count(status: object, path: str) -> int:
    parent, _, _ = path.rpartition(".")
    count = _at(status, path)
    # Reasons for which no packet was dropped yet are not in the list of them.
    if count is None and parent and isinstance(_at(status, parent), dict):
        return 0
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count < MOST_COUNT:
        raise FormatError(f"the status has no count at {path}")
    return count
