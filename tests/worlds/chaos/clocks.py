"""A time of day that can be set under a running process.

It is libfaketime's: a library that is loaded before all others and answers for the system's clock. The monotonic clock
stays the system's. So a step of this clock is what a program sees when somebody sets the clock of its machine; and a
process that was paused meanwhile sees what it sees when its machine slept.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

NEEDS = "faketime"
"""The program that a test with such a clock needs (`@pytest.mark.needs(NEEDS)`); its package brings the library."""
LIBRARIES = "usr/lib/*/faketime/libfaketimeMT.so.1"


@cache
def _library() -> Path:
    return next(Path("/").glob(LIBRARIES))


class SettableClock:
    """The time of day of one process or several, as a distance from that of the machine."""

    def __init__(self, file: Path) -> None:
        """`file`: is made here, and read by the processes at each look at the clock."""
        self._file = file
        self.ahead_s = 0.0
        self.set_ahead(0.0)

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables with which a process has this clock."""
        return {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            # Otherwise a process looks into the file every ten seconds only.
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # The times of files stay true. They are compared with those of other programs.
            "NO_FAKE_STAT": "1",
        }

    def set_ahead(self, ahead_s: float) -> None:
        """Let the clock be `ahead_s` seconds ahead of the machine's from now on; behind it, if that is below zero."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{ahead_s:+f}\n", encoding="ascii")
        # In one step: a process that read half of the file would have another time.
        fresh.replace(self._file)
        self.ahead_s = ahead_s

    def step(self, by_s: float) -> None:
        """Set the clock on by `by_s` seconds, or back."""
        self.set_ahead(self.ahead_s + by_s)
