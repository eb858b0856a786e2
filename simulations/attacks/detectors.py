"""Detectors of lost loops, which can take each other's place, and what feeds them.

A loop comes back or is lost; a detector judges the last `window_loops` of them. The deployed one is
`loopixmix.observing.anonymity.LoopWatch`; it and `BinomialDetector` are both `LoopDetector`s.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol, TypeAlias

from loopixmix.seams import Fact, LoopLost, LoopReturned


class LoopDetector(Protocol):
    """Is told of each loop, in the order in which their fates are known, and says whether too many are lost."""

    def returned(self) -> None:
        """Note a loop that came back."""

    def was_lost(self) -> None:
        """Note a loop that did not."""

    @property
    def alarm(self) -> bool:
        """Tell whether too many were lost."""


MakeDetector: TypeAlias = Callable[[], LoopDetector]


class BinomialDetector:
    """Raises an alarm if honest loss would lose as many with a probability below `false_alarm_rate` only.

    H0: each of the last `window_loops` loops (fewer at the beginning) is lost with `lost_share`, whatever became of the
    others. The test is the one-sided binomial one; it is exact, so that the rate of a full window is at most the stated
    one (the tail is discrete: usually below).
    """

    def __init__(self, *, window_loops: int, lost_share: float, false_alarm_rate: float) -> None:
        """`window_loops`: 1 or more; `lost_share`: the honest loss, 0 to 1; `false_alarm_rate`: above 0, below 1."""
        # Asked here so that impossible numbers are refused when the detector is made, not at the first loop.
        _fewest_lost(window_loops, lost_share, false_alarm_rate)
        self.window_loops = window_loops
        self.lost_share = lost_share
        self.false_alarm_rate = false_alarm_rate
        self._lost = 0
        self._outcomes: deque[bool] = deque()

    def returned(self) -> None:
        """Note a loop that came back."""
        self._note(lost=False)

    def was_lost(self) -> None:
        """Note a loop that did not."""
        self._note(lost=True)

    @property
    def alarm(self) -> bool:
        """Tell whether too many were lost."""
        watched = len(self._outcomes)
        return watched > 0 and self._lost >= _fewest_lost(watched, self.lost_share, self.false_alarm_rate)

    def _note(self, *, lost: bool) -> None:
        self._outcomes.append(lost)
        self._lost += lost
        if len(self._outcomes) > self.window_loops:
            self._lost -= self._outcomes.popleft()


@cache
def _fewest_lost(watched: int, lost_share: float, false_alarm_rate: float) -> int:
    # Imported late, because scipy takes a while and most users of this module never make a detector.
    from simulations.formulas.loops import fewest_lost_for_alarm

    return fewest_lost_for_alarm(watched, lost_share, false_alarm_rate)


@dataclass
class LoopWatcher:
    """Feeds one node's or user's loops to a detector, and keeps what became of them.

    Add it to a node's or user's `ears`. A window is judged when it is full, and another begins: that is what the stated
    rate of false alarms is about. `alarmed_at_s`: when the detector, asked after each loop, first raised an alarm.
    """

    detector: LoopDetector
    window_loops: int
    returned: int = 0
    lost: int = 0
    windows: int = 0
    windows_in_alarm: int = 0
    alarmed_at_s: float | None = None
    _in_window: int = field(default=0, repr=False)

    def observe(self, fact: Fact) -> None:
        """Take note of a fact."""
        match fact:
            case LoopReturned():
                self.returned += 1
                self.detector.returned()
            case LoopLost():
                self.lost += 1
                self.detector.was_lost()
            case _:
                return
        alarm = self.detector.alarm
        if alarm and self.alarmed_at_s is None:
            self.alarmed_at_s = fact.at_s
        self._in_window += 1
        if self._in_window == self.window_loops:
            self._in_window = 0
            self.windows += 1
            self.windows_in_alarm += alarm

    def forget(self) -> None:
        """Count anew from now on; the detector remembers what it was told."""
        self.returned = self.lost = self.windows = self.windows_in_alarm = self._in_window = 0
        self.alarmed_at_s = None

    @property
    def lost_share(self) -> float:
        """Share of the loops whose fate is known that were lost; 0 if there are none."""
        return self.lost / max(1, self.lost + self.returned)
