"""When users are linked: sessions and pauses of exponential length, in the steady state from the beginning.

A user is linked a share p of the time; sessions last 1/a on average and pauses 1/b, with p = b/(a + b). Who was linked
at one moment is so at another, d later, with probability `p + (1 - p) exp(-(a + b) d)` (two-state Markov chain).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from loopixmix.errors import MisuseError

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]


_MOST_SESSIONS = 20_000_000


@dataclass(frozen=True)
class Habit:
    """How users come and go. `online_share`: above 0, to 1; `session_mean_s`: above 0."""

    online_share: float
    session_mean_s: float

    def __post_init__(self) -> None:
        if not (0 < self.online_share <= 1 and self.session_mean_s > 0):
            raise MisuseError(f"no such habit: {self.online_share} of the time, sessions of {self.session_mean_s} s")

    @property
    def pause_mean_s(self) -> float:
        """How long users stay away on average; 0 for those who never do."""
        return self.session_mean_s * (1 - self.online_share) / self.online_share

    def sessions_in(self, duration_s: float) -> float:
        """Return how many sessions a user has in so long, on average; one more if it begins within one."""
        return 1 + duration_s / (self.session_mean_s + self.pause_mean_s) if self.pause_mean_s else 1.0

    def still_online(self, later_s: FloatArray) -> FloatArray:
        """Return the probability that a user who is linked now is linked so much later."""
        if self.online_share == 1:
            return np.ones_like(later_s)
        rate_per_s = 1 / self.session_mean_s + 1 / self.pause_mean_s
        return self.online_share + (1 - self.online_share) * np.exp(-rate_per_s * later_s)


@dataclass(frozen=True)
class Sessions:
    """Sessions of users 0 to `users` - 1 within `duration_s`, those of each user one after the other."""

    users: int
    duration_s: float
    user: IntArray
    start_s: FloatArray
    end_s: FloatArray


def draw_sessions(habit: Habit, users: int, duration_s: float, generator: Generator) -> Sessions:
    """Return the sessions of `users` (1 or more) independent users in `duration_s` seconds (above 0)."""
    if users < 1 or not duration_s > 0:
        raise MisuseError(f"sessions need users and time, not {users} users and {duration_s} s")
    if users * habit.sessions_in(duration_s) > _MOST_SESSIONS:
        raise MisuseError(
            f"users.session_mean_s ({habit.session_mean_s:g}) makes more than {_MOST_SESSIONS:.0e} sessions"
            f" in {duration_s / 86_400:g} days"
        )
    if habit.pause_mean_s == 0:
        everybody = np.arange(users)
        return Sessions(users, duration_s, everybody, np.zeros(users), np.full(users, duration_s))
    # Who begins away has a first session of no length: then all have sessions and pauses by turns.
    # In the steady state, what is left of a session is exponential as a whole one is: no warm-up is needed.
    edges = np.where(generator.random(users) < habit.online_share, generator.exponential(1.0, users), 0.0)
    edges = (edges * habit.session_mean_s)[:, np.newaxis]
    # Cycles are drawn for all users at once, until the slowest has got to the end.
    while edges[:, -1].min() < duration_s:
        cycles = 8 + int((duration_s - edges[:, -1].min()) / (habit.session_mean_s + habit.pause_mean_s))
        more = generator.exponential(1.0, (users, cycles, 2)) * (habit.pause_mean_s, habit.session_mean_s)
        edges = np.concatenate([edges, edges[:, -1:] + np.cumsum(more.reshape(users, 2 * cycles), axis=1)], axis=1)
    begins = np.concatenate([np.zeros((users, 1)), edges[:, 1::2]], axis=1)
    ends = np.minimum(edges[:, 0::2], duration_s)
    within = (begins < duration_s) & (ends > begins)
    user, _ = np.nonzero(within)
    return Sessions(users, duration_s, user, begins[within], ends[within])


def sending_times(sessions: Sessions, messages_per_s: float, generator: Generator) -> FloatArray:
    """Return when one user's messages leave, in order: when they are written, or when the next session begins.

    `sessions`: of one user. Messages are written as a Poisson process of `messages_per_s`, whether linked or not; those
    after the last session never leave.
    """
    written = np.sort(generator.random(generator.poisson(messages_per_s * sessions.duration_s)) * sessions.duration_s)
    which = np.searchsorted(sessions.end_s, written)
    within = which < sessions.end_s.size
    times: FloatArray = np.maximum(written[within], sessions.start_s[which[within]])
    return times
