"""The board's opening and closing, beside a trustee's own clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from votes.record.election import Election
from votes.record.phases import Phase

TOLERANCE_S = 120
"""So far apart may two clocks be, with the time that a look at the board takes."""
EARLY_OPENING, EARLY_CLOSING, LATE_CLOSING = "early opening", "early closing", "late closing"


def wrong_times(election: Election, phase: Phase, asked_s: float, answered_s: float) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the times at which the board opens and closes: a name for it, and a sentence.

    `phase`: what the log says, as the board signed it. `asked_s`, `answered_s`: when it was asked for that, and when
    the answer was there; Unix seconds by this machine's clock. Early is early by the later time, and late by the other.
    """
    has_opened = phase not in (Phase.FROZEN, Phase.ABANDONED)
    has_closed = has_opened and phase is not Phase.OPEN
    now, closes = _time(answered_s), _time(election.closes_at)
    if has_opened and answered_s < election.opens_at - TOLERANCE_S:
        yield EARLY_OPENING, f"the board has opened at {now} by my clock; it was to open at {_time(election.opens_at)}"
    if has_closed and answered_s < election.closes_at - TOLERANCE_S:
        yield (
            EARLY_CLOSING,
            f"the board has closed at {now} by my clock; it was to close at {closes}",
        )
    if phase is Phase.OPEN and asked_s > election.closes_at + TOLERANCE_S:
        yield LATE_CLOSING, f"the board is open at {_time(asked_s)} by my clock; it was to close at {closes}"


def _time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
