"""What counts of a rate of requests that was tried, and which rates are tried."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec

RATES_PER_S = (1550.0, 1800.0, 2200.0, 2600.0, 3000.0)
"""The least lies over the bar by more than chance moves the rate of a minute: ten standard errors."""
LONG_TRIALS = 3
"""What is sustained for some seconds may be too much for a minute: then the rate below is tried."""
BATCH_S = 0.25
IN_TIME_S = 3 * BATCH_S
"""As long as a batch and the way of a request allow."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the requests of one rate. `answered_meanwhile`: until the last one was sent, and a batch later."""

    rate_per_s: float
    sent: int
    answered: int
    waits_s: Sequence[float]
    cpu_share: float
    answered_meanwhile: int

    @property
    def sustained(self) -> bool:
        """All were answered, and those of the last tenth in time."""
        tail = self.waits_s[-max(1, len(self.waits_s) // 10) :]
        return self.answered == self.sent and statistics.median(tail) < IN_TIME_S

    @property
    def held_per_s(self) -> float:
        """How many a second were carried out; if they were not sustained, without those that waited at the end."""
        return self.rate_per_s * (1.0 if self.sustained else self.answered_meanwhile / self.sent)


def rates_to_hold(passed: Sequence[float]) -> list[float]:
    """Return the rates to try for a minute until one is sustained, of those that were sustained for some seconds.

    Each once: a rate that is tried until it passes is not sustained.
    """
    return list(reversed(passed))[:LONG_TRIALS] or [RATES_PER_S[0]]
