"""When a message begins to leave: at once, or at a moment that is drawn once from the time it has."""

from __future__ import annotations

from client.core.retry import RetryPolicy
from loopixmix.params import NetworkParams

RESERVED_WAITS = 4.5
"""The reserve for what is lost: two waits for an acknowledgement, of which the second is twice as long, at most."""
RESERVED_TURNS = 2.0
"""How many turns of the payload stream each fragment is given: everything else that waits takes turns too."""


def reserve_s(fragments: int, params: NetworkParams, policy: RetryPolicy) -> float:
    """Return how long before its deadline a message of so many fragments should begin to leave."""
    return RESERVED_TURNS * fragments / params.payload_rate_per_s + RESERVED_WAITS * policy.first_s


def leaving_s(
    not_before_s: float | None, deadline_s: float | None, *, now_s: float, reserve_s: float, draw: float
) -> float:
    """Return the moment at which a message begins to leave, 0 if that is at once.

    `reserve_s`: how long before the deadline it has to begin; `draw`: random, 0 to 1. If the time between is too
    short, it begins as early as it may.
    """
    if not_before_s is None:
        return 0.0
    earliest_s = max(not_before_s, now_s)
    latest_s = earliest_s if deadline_s is None else max(earliest_s, deadline_s - reserve_s)
    moment_s = earliest_s + draw * (latest_s - earliest_s)
    return moment_s if moment_s > now_s else 0.0
