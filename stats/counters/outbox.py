"""What a node's program remembers: the tally of the period, and the shares on their way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from loopixmix.errors import StoreError
from loopixmix.process.files import write_atomically
from loopixmix.seams import Rng
from stats.counters.noise import NoiseDraws, node_sigmas
from stats.counters.plan import CounterPlan
from stats.counters.shares import CounterShare, encode_share, split
from stats.counters.tallying import PeriodTally


class OutgoingShare(msgspec.Struct, frozen=True, kw_only=True):
    """A share on its way. It is secret: together with the others it tells the node's noisy counts."""

    period: int
    collector: int
    body: bytes
    request: str = ""
    """The client's id of the request that carries it; empty before it was posted."""
    attempt: int = 0


class RelayState(msgspec.Struct, frozen=True, kw_only=True):
    """All that a node's program remembers of one plan."""

    plan: str
    tally: PeriodTally | None = None
    outgoing: tuple[OutgoingShare, ...] = ()


def read_state(path: Path, plan: CounterPlan) -> RelayState:
    """Return what is remembered; nothing, if there is no file or it is of another plan. Raises `StoreError`."""
    try:
        state = msgspec.json.decode(path.read_bytes(), type=RelayState)
    except FileNotFoundError:
        return RelayState(plan=plan.plan_id.hex())
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreError(f"{path}: cannot be read: {error}") from error
    return state if state.plan == plan.plan_id.hex() else RelayState(plan=plan.plan_id.hex())


def write_state(path: Path, state: RelayState) -> None:
    """Remember it, durably."""
    write_atomically(path, msgspec.json.encode(state))


def shares_of(
    plan: CounterPlan, node: int, tally: PeriodTally, private: bytes, *, noise: NoiseDraws, rng: Rng
) -> tuple[OutgoingShare, ...]:
    """Return the shares of a period: counts with the node's noise, split between the collectors, signed.

    They are written down before the first of them is sent. Drawn anew after a crash, two collectors would have shares
    of different splits, and their sum would be a random number.
    """
    noisy = [count + noise.draw(sigma) for count, sigma in zip(tally.counted, node_sigmas(plan), strict=True)]
    return tuple(
        _outgoing(plan, node, tally.period, place, values, private)
        for place, values in enumerate(split(noisy, len(plan.collectors), rng))
    )


def _outgoing(
    plan: CounterPlan, node: int, period: int, collector: int, values: Sequence[int], private: bytes
) -> OutgoingShare:
    share = CounterShare(plan.plan_id, period, node, collector, tuple(values))
    return OutgoingShare(period=period, collector=collector, body=encode_share(share, private))
