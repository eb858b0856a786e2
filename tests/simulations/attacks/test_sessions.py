"""When users are linked."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import MisuseError
from simulations.attacks.sessions import Habit, draw_sessions, sending_times


@given(
    share=st.floats(0.02, 1), session_s=st.floats(0.1, 1e4), users=st.integers(1, 40), seed=st.integers(0, 2**32 - 1)
)
def test_sessions_follow_on_each_other_within_the_time(share: float, session_s: float, users: int, seed: int) -> None:
    sessions = draw_sessions(Habit(share, session_s), users, 1000.0, np.random.default_rng(seed))
    assert np.all((sessions.start_s >= 0) & (sessions.end_s <= 1000.0) & (sessions.start_s < sessions.end_s))
    same = sessions.user[1:] == sessions.user[:-1]
    assert np.all(np.diff(sessions.user) >= 0)
    assert np.all(sessions.start_s[1:][same] >= sessions.end_s[:-1][same])


def test_the_share_linked_and_its_memory_are_those_of_the_chain() -> None:
    """H0: linked with p at once and at the end; at both with p stay(d). 40,000 users; 5 standard deviations (1e-6)."""
    habit, users, later_s = Habit(0.3, 100.0), 40_000, 150.0
    sessions = draw_sessions(habit, users, later_s, np.random.default_rng(1))
    first, last = np.zeros(users, bool), np.zeros(users, bool)
    first[sessions.user[sessions.start_s == 0]] = True
    last[sessions.user[sessions.end_s == later_s]] = True
    stay = float(habit.still_online(np.array([later_s]))[0])
    assert stay == pytest.approx(0.3 + 0.7 * math.exp(-150 / 100 - 150 / (100 * 0.7 / 0.3)))
    for share, expected in ((first.mean(), 0.3), (last.mean(), 0.3), ((first & last).mean(), 0.3 * stay)):
        assert abs(share - expected) < 5 * math.sqrt(expected * (1 - expected) / users)
    lengths_s = sessions.end_s - sessions.start_s
    assert lengths_s.sum() / (users * later_s) == pytest.approx(0.3, rel=0.03)


def test_who_never_goes_away_has_one_session() -> None:
    sessions = draw_sessions(Habit(1.0, 10.0), 3, 500.0, np.random.default_rng(1))
    assert sessions.user.tolist() == [0, 1, 2]
    assert sessions.start_s.tolist() == [0, 0, 0]
    assert sessions.end_s.tolist() == [500, 500, 500]


def test_messages_leave_in_sessions_only() -> None:
    generator = np.random.default_rng(3)
    sessions = draw_sessions(Habit(0.3, 100.0), 1, 50_000.0, generator)
    times_s = sending_times(sessions, 0.01, generator)
    which = np.searchsorted(sessions.start_s, times_s, side="right") - 1
    assert np.all((times_s >= sessions.start_s[which]) & (times_s <= sessions.end_s[which]))
    assert np.all(np.diff(times_s) >= 0)
    # 500 +- 22 are written, a few of them after the last session; those written in pauses leave with the next session.
    assert 380 < times_s.size < 620
    assert 0.5 < np.isin(times_s, sessions.start_s).mean() < 0.9


@pytest.mark.parametrize(("share", "session_s"), [(0.0, 1.0), (1.5, 1.0), (0.5, 0.0), (math.nan, 1.0)])
def test_habits_out_of_range_are_refused(share: float, session_s: float) -> None:
    with pytest.raises(MisuseError):
        Habit(share, session_s)


@pytest.mark.parametrize(("users", "duration_s"), [(0, 1.0), (1, 0.0)])
def test_sessions_of_nobody_or_no_time_are_refused(users: int, duration_s: float) -> None:
    with pytest.raises(MisuseError):
        draw_sessions(Habit(0.5, 1.0), users, duration_s, np.random.default_rng(1))
