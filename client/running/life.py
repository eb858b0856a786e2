"""The life of a client: started from the store, taken along by network documents, stopped with all on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twisted.logger import Logger
from twisted.python.failure import Failure

from client.api import NotRunningError
from client.core.journal import News
from client.link.session import Session
from client.receiving.letterbox import Letterbox
from client.running.gate import Gate
from client.running.recovery import LastRun, Recovery
from client.running.rounds import Rounds
from client.streams.traffic import Traffic
from loopixmix.directory import Document
from loopixmix.store.access import StoreAccess

log = Logger()


class Part(Protocol):
    """A part that has something under way."""

    def stop(self) -> None:
        """Break it off."""


class Life:
    """Begins, goes on and ends what a client does by itself."""

    def __init__(
        self,
        *,
        session: Session,
        letterbox: Letterbox,
        recovery: Recovery,
        traffic: Traffic,
        rounds: Rounds,
        news: News,
        access: StoreAccess,
        parts: Sequence[Part],
    ) -> None:
        """Begin nothing before `start`.

        `session`: where frames come from and documents go; `letterbox`: takes the frames; `recovery`: has what was kept
        from the last run; `traffic` and `rounds`: begin with an account and a document; `news`: hears of each change;
        `access`: what was asked of the store is finished at the end; `parts`: what else is stopped, in this order.
        """
        self.is_running = False
        self._is_stopped = False
        self._gate = Gate()
        self._session = session
        self._letterbox = letterbox
        self._recovery = recovery
        self._traffic = traffic
        self._rounds = rounds
        self._news = news
        self._access = access
        self._parts: tuple[Part, ...] = (rounds, traffic, *parts)

    async def ready(self) -> None:
        """Return once the store was read; raise `NotRunningError` or `StoreError` if that will not be."""
        await self._gate.passing()

    async def enrolled(self) -> None:
        """Return as `ready`, but raise `NotRegisteredError` if there is no account yet."""
        await self._gate.passing()
        self._session.registered()

    def start(self) -> None:
        """Read the store, then begin to send and receive."""
        self.is_running = True
        self._session.start(self._letterbox.received)
        self._recovery.read().addCallbacks(self._begin, self._cannot_begin)

    async def stop(self) -> None:
        """Break off everything that is under way, and finish writing."""
        self.is_running, self._is_stopped = False, True
        self._gate.shut(NotRunningError("the client is stopping"))
        for part in self._parts:
            part.stop()
        await self._access.finish()

    def adopt(self, document: Document) -> None:
        """Go on with a new network document; one that is older than the newest seen is not used."""
        if not self._session.known.accepts(document):
            return
        if self._session.known.is_news(document):
            self._recovery.save_network(document)
        self._session.adopt(document)
        self._run_traffic()
        self._news.tell()

    def on_registered(self) -> None:
        """Go on with an account that was opened."""
        if self._is_stopped:
            # What was under way was still written down, but a request to publish the card would outlive the client.
            return
        self._run_traffic()
        self._rounds.publish()
        self._news.tell()

    def _run_traffic(self) -> None:
        """Send at the rates that the document has for us, once there is one and an account."""
        known = self._session.known
        if not self._gate.is_open or self._session.account is None or known.document is None or known.params is None:
            return
        self._traffic.run(known.params)
        self._rounds.release()

    def _begin(self, kept: LastRun) -> None:
        if self._is_stopped:
            return
        self._recovery.restore(kept)
        self._gate.open()
        self._run_traffic()
        self._rounds.start()
        self._news.tell()

    def _cannot_begin(self, failure: Failure) -> None:
        if self._is_stopped:
            return
        reason = failure.getErrorMessage()
        log.error("the client cannot begin: {reason}", reason=reason)
        self._gate.shut(failure.value if isinstance(failure.value, Exception) else NotRunningError(reason))
