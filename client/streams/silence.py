"""Whether a stream has fallen silent: it should send, and does not."""

from __future__ import annotations

from collections.abc import Callable

MANY_MEANS = 30
"""A Poisson stream is silent for so many of its means once in some 10^13 intervals."""
LEAST_SILENT_S = 15.0
"""A machine may be busy for as long as this without a defect."""


class Silence:
    """Measures how long nothing was heard of one stream, on a clock that nobody sets."""

    # By the time of day, the very thing that once silenced all streams would have kept it from being noticed: a clock
    # that was set back.

    def __init__(self, stream: str, monotonic: Callable[[], float]) -> None:
        """`stream`: its name, as its user reads it. `monotonic`: seconds."""
        self._stream = stream
        self._monotonic = monotonic
        self._rate_per_s = 0.0
        self._heard_s = 0.0

    @property
    def problem(self) -> str | None:
        """One line for the user, None while the stream sends, or should not."""
        silent_s = self._monotonic() - self._heard_s
        if not self._rate_per_s or silent_s <= max(LEAST_SILENT_S, MANY_MEANS / self._rate_per_s):
            return None
        return (
            f"the stream of {self._stream} has been silent for {silent_s:.0f} s, at a rate of {self._rate_per_s:g} a "
            "second: that is seen from outside; start the client again"
        )

    def expect(self, rate_per_s: float) -> None:
        """Let the stream be heard at this rate from now on; 0 if it is to be silent."""
        self._rate_per_s = rate_per_s
        self.heard()

    def heard(self) -> None:
        """Note that the stream has sent, or was due and had no link to send by."""
        self._heard_s = self._monotonic()
