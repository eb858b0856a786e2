"""How a service has answered of late: one that fails or hangs each time is told in `status`."""

from __future__ import annotations

from loopixmix.errors import DiskFullError

MOST_IN_A_ROW = 3
"""So many requests in a row without an answer are a problem. A single one may be the fault of who asked."""


class ServiceRecord:
    """What became of the newest requests to one service."""

    def __init__(self, name: str) -> None:
        """`name`: the service, for the words."""
        self._name = name
        self._in_a_row = 0
        self._last = ""

    @property
    def problem(self) -> str | None:
        """How the newest requests have ended, in one line; None if one of them was answered."""
        if self._in_a_row < MOST_IN_A_ROW:
            return None
        return f'the service "{self._name}" has answered none of its last {self._in_a_row} requests: {self._last}'

    def answered(self) -> None:
        """Note an answer; a refusal is one."""
        self._in_a_row = 0

    def is_news(self, error: BaseException | None, what: str) -> bool:
        """Tell whether a failure belongs into the log; ask before `failed`, with the same `what`.

        Each request meets a full disk, and a line for each would fill it further: it is told once.
        """
        return what != self._last or not isinstance(error, DiskFullError)

    def failed(self, what: str) -> None:
        """Note a request without an answer; `what`: why, in words that quote nothing of it."""
        self._in_a_row += 1
        self._last = what
