"""A gate that everybody waits at until the store has been read."""

from __future__ import annotations

from twisted.internet.defer import Deferred


class Gate:
    """Closed at first; then open, or shut with an error for everybody who comes."""

    def __init__(self) -> None:
        """Begin closed."""
        self.is_open = False
        self._error: Exception | None = None
        self._waiting: list[Deferred[None]] = []

    def open(self) -> None:
        """Let everybody pass."""
        self.is_open = True
        self._let_go()

    def shut(self, error: Exception) -> None:
        """Turn everybody away from now on."""
        self.is_open = False
        self._error = error
        self._let_go()

    async def passing(self) -> None:
        """Return once the gate is open; raise the error if it was shut."""
        if not self.is_open and self._error is None:
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            await waiting
        if self._error is not None:
            raise self._error

    def _let_go(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            # A caller may have gone away while it waited.
            if not each.called:
                each.callback(None)
