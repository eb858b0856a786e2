"""Tells those who listen that something in an account has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable


class MailBell:
    """Rings for one account after a change of it is on the disk; any thread may ring and listen."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._listeners: dict[int, dict[object, Callable[[], object]]] = {}

    def listen(self, account: int, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback` after each change of `account`, until the returned function is called.

        It is called in the thread that made the change, so it returns at once and raises nothing: on the reactor's side
        it is `reactor.callFromThread` of something. It is not told what changed: that is compared.
        """
        key = object()
        with self._changing:
            self._listeners.setdefault(account, {})[key] = callback

        def stop() -> None:
            with self._changing:
                of_account = self._listeners.get(account, {})
                of_account.pop(key, None)
                if not of_account:
                    self._listeners.pop(account, None)

        return stop

    def ring(self, account: int) -> None:
        """Tell that something in `account` has changed, and is on the disk."""
        with self._changing:
            callbacks = list(self._listeners.get(account, {}).values())
        for callback in callbacks:
            callback()
