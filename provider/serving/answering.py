"""The program's side of a connection: takes questions, sends answers, and uses the provider's cards."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from loopixmix.errors import FormatError, UnavailableError
from loopixmix.requests.names import Publish, check_name, encode_keys_request
from loopixmix.seams import Clock, DelayedCall, Identity
from provider.api import ServiceRefusedError
from provider.hosting.asker import Asker, NotAskedError
from provider.hosting.asking.failures import told
from provider.hosting.asking.record import ServiceRecord
from provider.serving.ends import SocketEnd
from provider.serving.frames import (
    MAX_PUBLICATION_BYTES,
    SOCKET_VERSION,
    Ask,
    AskAnswered,
    AskOutcome,
    FindCard,
    FoundCard,
    FromProgram,
    FromProvider,
    Greeting,
    Health,
    PublishCard,
    Published,
    Welcome,
    from_provider,
)
from provider.serving.sockets import peer_user_id, user_name

WATCH_S = 1.0
"""How soon the provider hears of a problem of the service, or of its end."""

log = Logger()


class SocketKeys:
    """The cards of the provider that is connected, used over the socket."""

    def __init__(self) -> None:
        """Begin without a provider."""
        self._send: Callable[[FromProgram], None] | None = None
        self._cards: dict[int, Deferred[bytes]] = {}
        self._publications: dict[int, Deferred[bool]] = {}
        self._next_number = 0

    def connect(self, send: Callable[[FromProgram], None]) -> None:
        """Use the connection that `send` writes to from now on."""
        self.disconnect()
        self._send = send

    def disconnect(self) -> None:
        """Fail what is under way; until the next connection all calls fail."""
        self._send = None
        cards, self._cards = self._cards, {}
        publications, self._publications = self._publications, {}
        error = UnavailableError("the provider is not connected any more")
        for card in cards.values():
            card.errback(error)
        for publication in publications.values():
            publication.errback(error)

    async def card(self, name: str) -> bytes:
        """Return a card, or a decoy; see `KeyDirectory`. Raises `UnavailableError` if the provider gives none."""
        # Before it is sent: a name that is none would end the connection, and with it all questions under way.
        check_name(name)
        waiting: Deferred[bytes] = Deferred()
        number = self._number()
        self._cards[number] = waiting
        self._ask(FindCard(number, name))
        card = await waiting
        if not card:
            raise UnavailableError("the provider could not look a card up")
        return card

    async def publish(self, publish: Publish) -> bool:
        """Publish a card; see `KeyDirectory`. Raises `UnavailableError` if no provider is connected."""
        publication = encode_keys_request(publish)
        if len(publication) > MAX_PUBLICATION_BYTES:
            return False
        waiting: Deferred[bool] = Deferred()
        number = self._number()
        self._publications[number] = waiting
        self._ask(PublishCard(number, publication))
        return await waiting

    def found(self, message: FoundCard) -> None:
        """Take the provider's answer to a look-up."""
        waiting = self._cards.pop(message.number, None)
        if waiting is not None:
            waiting.callback(message.card)

    def published(self, message: Published) -> None:
        """Take the provider's answer to a publication."""
        waiting = self._publications.pop(message.number, None)
        if waiting is not None:
            waiting.callback(message.done)

    def _number(self) -> int:
        if self._send is None:
            raise UnavailableError("no provider is connected")
        self._next_number += 1
        return self._next_number

    def _ask(self, message: FromProgram) -> None:
        if self._send is not None:
            self._send(message)


class Answering:
    """All that a provider asks, on the one connection that counts: the newest."""

    def __init__(
        self,
        service_for: Callable[[Identity], Asker],
        *,
        keys: SocketKeys,
        allowed_user_id: int,
        clock: Clock,
    ) -> None:
        """`service_for`: returns what asks the service of a provider that has greeted.

        It raises a `LoopixmixError` if this is no service of that provider. `keys`: gets each connection.
        `allowed_user_id`: who may connect. `clock`: ends questions that take too long.
        """
        self._service_for = service_for
        self._keys = keys
        self._allowed_user_id = allowed_user_id
        self._clock = clock
        self._end: ProgramEnd | None = None
        self._asker: Asker | None = None
        self._told_problem: str | None = None
        self._watching: DelayedCall | None = None
        self._under_way: set[Deferred[bytes]] = set()
        self._record: ServiceRecord | None = None
        self.answered = 0

    @property
    def is_connected(self) -> bool:
        """Whether a provider that has greeted is there."""
        return self._asker is not None

    @property
    def problem(self) -> str | None:
        """That the service answers nothing, in one line; None if all is well.

        Of it the provider is not told: it counts by itself, and would ask nothing any more.
        """
        return self._record.problem if self._record is not None else None

    @property
    def under_way(self) -> int:
        """How many questions have no answer yet."""
        return len(self._under_way)

    def new_connection(self) -> ProgramEnd:
        """Return the protocol of a new connection."""
        return ProgramEnd(self)

    def stop(self) -> None:
        """Let go of the provider."""
        if self._end is not None:
            self._end.close()
        self._stop_watching()
        self._keys.disconnect()

    # The methods below are for the ends of connections.

    def admits(self, user_id: int) -> bool:
        """Tell whether that user may connect."""
        return user_id == self._allowed_user_id

    def received(self, end: ProgramEnd, message: FromProvider) -> None:
        """Take a message of the provider; raise `FormatError` if it is not its turn."""
        if isinstance(message, Greeting):
            self._greeted(end, message)
            return
        if end is not self._end or self._asker is None:
            raise FormatError("it did not greet first")
        match message:
            case Ask():
                self._ask(end, self._asker, message)
            case FoundCard():
                self._keys.found(message)
            case Published():
                self._keys.published(message)

    def closed(self, end: ProgramEnd) -> None:
        """Note that a connection has ended."""
        if end is self._end:
            self._stop_watching()
            self._end = self._asker = None
            self._keys.disconnect()
            log.info("the provider has gone")

    def _greeted(self, end: ProgramEnd, hello: Greeting) -> None:
        if end is self._end:
            raise FormatError("it greeted twice")
        if hello.version != SOCKET_VERSION:
            raise FormatError(f"it speaks version {hello.version} of the protocol, and this program {SOCKET_VERSION}")
        asker = self._service_for(hello.provider)
        if asker.name != hello.service:
            raise FormatError(f'it asks for the service "{hello.service}", and this is "{asker.name}"')
        # A provider that was killed and started again may come before its old connection is seen to be dead.
        if self._end is not None:
            self._end.close()
        self._stop_watching()
        self._end, self._asker = end, asker
        self._keys.connect(end.send)
        end.send(Welcome(SOCKET_VERSION, asker.name, asker.declaration))
        self._told_problem = None
        self._watch(end, asker)
        log.info("the provider is connected")

    def _ask(self, end: ProgramEnd, asker: Asker, ask: Ask) -> None:
        declaration = asker.declaration
        if len(self._under_way) >= declaration.at_once + declaration.queue:
            # No fault of the provider's: what it has given up may be under way here for a moment yet.
            end.send(AskAnswered(ask.number, AskOutcome.NOT_ASKED, b""))
            return
        asking = asker.ask(ask.repetition_key, ask.body)
        # The provider gives the question up after this time, and does not say so: a thread would be held for ever.
        record = self._record = self._record or ServiceRecord(asker.name)
        overdue = partial(self._overdue, record)
        asking.addTimeout(declaration.timeout_s, cast(IReactorTime, self._clock), overdue)
        self._under_way.add(asking)
        asking.addCallbacks(partial(self._done, record), partial(self._failed, record))
        asking.addCallback(partial(self._answer, end, asker, ask.number, asking))

    def _overdue(self, record: ServiceRecord, result: bytes | Failure, timeout_s: float) -> bytes | Failure:
        log.warn("the service did not answer within {timeout_s} s, and the request has failed", timeout_s=timeout_s)
        record.failed(f"it did not answer within {timeout_s:g} s")
        return result

    def _done(self, record: ServiceRecord, body: bytes) -> tuple[AskOutcome, bytes]:
        record.answered()
        return AskOutcome.DONE, body

    def _failed(self, record: ServiceRecord, failure: Failure) -> tuple[AskOutcome, bytes]:
        if isinstance(failure.value, ServiceRefusedError):
            record.answered()
            return AskOutcome.REFUSED, b""
        if isinstance(failure.value, NotAskedError):
            return AskOutcome.NOT_ASKED, b""
        # Overdue: that has been told.
        if not isinstance(failure.value, CancelledError):
            what = told(failure)
            if record.is_news(failure.value, what):
                log.error("the service failed: {what}", what=what)
            record.failed(what)
        return AskOutcome.BROKEN, b""

    def _answer(
        self, end: ProgramEnd, asker: Asker, number: int, asking: Deferred[bytes], result: tuple[AskOutcome, bytes]
    ) -> None:
        self._under_way.discard(asking)
        self.answered += 1
        # The reason first: what is asked after it would be in vain.
        self._tell_problem(end, asker)
        end.send(AskAnswered(number, *result))

    def _watch(self, end: ProgramEnd, asker: Asker) -> None:
        # Not only with answers: while there is a problem nothing is asked.
        self._tell_problem(end, asker)
        self._watching = self._clock.callLater(WATCH_S, self._watch, end, asker)

    def _stop_watching(self) -> None:
        if self._watching is not None and self._watching.active():
            self._watching.cancel()

    def _tell_problem(self, end: ProgramEnd, asker: Asker) -> None:
        problem = asker.problem
        if problem != self._told_problem:
            self._told_problem = problem
            end.send(Health((problem or "")[:500]))


class ProgramEnd(SocketEnd[FromProvider]):
    """One connection of a provider."""

    def __init__(self, answering: Answering) -> None:
        """`answering`: takes what is asked."""
        super().__init__(from_provider)
        self._answering = answering

    def connectionMade(self) -> None:  # noqa: N802 (Twisted's name)
        """See who it is."""
        user_id = peer_user_id(self.transport)
        if not self._answering.admits(user_id):
            self.refuse(f"user {user_name(user_id)} is not the one who may connect")

    def heard(self, message: FromProvider) -> None:
        """Take what the provider says."""
        self._answering.received(self, message)

    def refused(self, trouble: str) -> None:
        """Say so in the log."""
        log.warn("a connection was refused: {trouble}", trouble=trouble)

    def ended(self, trouble: str | None) -> None:  # noqa: ARG002 (it has been told)
        """Tell that the connection is gone."""
        self._answering.closed(self)

    def close(self) -> None:
        """Close the connection, when what was sent has left."""
        self.channel.loseConnection()
