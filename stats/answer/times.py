"""When reports leave: each at a random time of its own, which tells nothing of survey and answers."""

from __future__ import annotations

from dataclasses import dataclass

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng

MOST_MARGIN_S = 3_600.0
MARGIN_SHARE = 0.1
"""A report is to leave so much of the left time before the end of its period, so that lost packets can come again."""


class TooLateError(MisuseError):
    """The period ends too soon for a report to be stored in time."""


@dataclass(frozen=True)
class LeavingTimes:
    """When one report may leave. The client draws the moment from these two, both in Unix seconds."""

    not_before_s: float
    deadline_s: float


@dataclass(frozen=True)
class SendingRule:
    """How the times are drawn. All are seconds.

    `ahead_s`: a report waits at most so long. `grace_s`: from then on, the client has so long to send it.
    `least_margin_s`: see `leaving_times`; less than a minute is for networks of seconds.
    """

    ahead_s: float = 86_400.0
    grace_s: float = 6 * 3_600.0
    least_margin_s: float = 60.0

    @classmethod
    def within(cls, ahead_s: float) -> SendingRule:
        """Return a rule by which a report waits at most `ahead_s`, and the client has a quarter of that to send it.

        Less than a minute of margin is enough if `ahead_s` is shorter than that: for networks of seconds.
        """
        return cls(ahead_s, max(60.0, ahead_s / 4), min(60.0, ahead_s))

    def margin_s(self, left_s: float) -> float:
        """Return how long before the end of its period a report leaves at the latest, if `left_s` are left."""
        return max(self.least_margin_s, min(MOST_MARGIN_S, MARGIN_SHARE * left_s))

    def leaving_times(self, now_s: float, ends_s: float, rng: Rng) -> LeavingTimes:
        """Draw when a report leaves whose period ends at `ends_s`.

        `not_before_s` is even between now and the margin before the end, at most `ahead_s` from now. Half of the margin
        is left for what is lost on the way. Raises `TooLateError` if less than two of the least margins are left.
        """
        left_s = ends_s - now_s
        if left_s < 2 * self.least_margin_s or left_s <= 0:
            raise TooLateError(f"only {max(0, round(left_s))} seconds are left, too few for a report to arrive in time")
        margin_s = self.margin_s(left_s)
        latest_s = min(now_s + self.ahead_s, ends_s - margin_s)
        not_before_s = rng.uniform(now_s, latest_s)
        return LeavingTimes(not_before_s, min(not_before_s + self.grace_s, ends_s - margin_s / 2))
