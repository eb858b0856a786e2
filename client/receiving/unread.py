"""How many messages nobody has handled yet: told in a moment, also while the store does not answer."""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from client.store import incoming
from loopixmix.seams import Clock
from loopixmix.store.access import StoreAccess
from loopixmix.store.alarm import already_told
from loopixmix.store.upkeep.patience import SLOW

WAIT_S = 0.4
"""So long the store may take to answer; then the number that was true last is told."""


class UnreadCount:
    """The number of messages that no callback has handled, as a status tells it."""

    def __init__(self, access: StoreAccess, *, clock: Clock) -> None:
        """Ask the store of `access`; `clock` tells when it takes too long."""
        self.problem: str | None = None
        """That the store does not answer, in one line; None if it did the last time."""
        self._access = access
        self._clock = clock
        self._count = 0
        self._is_asking = False

    async def ask(self) -> int:
        """Return the number, or the last one that was known if the store does not answer in time."""
        # Not again while it does not answer: whoever asks each second would leave a question in the queue each time.
        if not self._is_asking:
            self._is_asking = True
            answered: Deferred[None] = Deferred()

            def settle(_: object) -> None:
                if not answered.called:
                    answered.callback(None)

            self._access.read(incoming.unread).addCallbacks(self._counted, self._not_counted).addBoth(settle)
            await self.in_time(answered)
        return self._count

    async def in_time(self, waiting: Deferred[None]) -> bool:
        """Wait for something that the store does; return whether it came in time. Raises what it fails with."""
        try:
            await waiting.addTimeout(WAIT_S, cast("IReactorTime", self._clock))
        except TimeoutError:
            self.problem = SLOW
            return False
        return True

    def _counted(self, count: int) -> None:
        self._count, self.problem, self._is_asking = count, None, False

    def _not_counted(self, failure: Failure) -> None:
        self.problem, self._is_asking = None, False  # the alarm of the store tells why, and better
        already_told(failure)
