"""The provider's side: a hosted service that is a program of its own, asked over a Unix socket."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar, cast

import msgspec
from twisted.internet.defer import Deferred, fail
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from loopixmix.bounds import TokenBucket
from loopixmix.errors import FormatError, LoopixmixError, PeerError
from loopixmix.process.backoff import Backoff
from loopixmix.requests.names import Publish, decode_keys_request
from loopixmix.seams import Clock, DelayedCall, Identity, Rng
from provider.api import Declaration, KeyDirectory, ServiceRefusedError
from provider.hosting.asker import FailedElsewhereError, LostQuestionError, NotAskedError
from provider.hosting.asking.failures import told
from provider.hosting.asking.limits import ServiceLimits
from provider.serving.ends import SocketEnd
from provider.serving.frames import (
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
    from_program,
)
from provider.serving.sockets import SocketPlace, peer_user_id, user_name

REACHED_WITHIN_S = 5.0
WELCOME_WITHIN_S = 10.0
RETRY_FIRST_S = 0.25
RETRY_LONGEST_S = 15.0
MAX_BYTES_UNDER_WAY = 64 * 1024 * 1024
"""Bodies that a program has not answered yet; a service with longer ones has fewer questions at one time."""
MAX_KEY_CALLS = 256
"""Looked-up and published cards of one program at one time."""
KEY_CALLS_PER_S = 200.0
"""Each look-up signs a decoy, so that a program could keep the provider's processor busy with them."""
UNASKED_PER_S = 50.0
UNASKED_AT_ONCE = 10_000
"""Messages that answer no question: how the service is, and answers that came too late.

Each one costs the provider's thread some time, and a program may send them as fast as a socket takes them.
"""
KEY_REQUESTS_PER_S = 2 * KEY_CALLS_PER_S
KEY_REQUESTS_AT_ONCE = 20_000
"""More look-ups than that are no haste but a flood: also a refusal takes time."""
DEAF_S = 30.0
"""A program that reads nothing for so long is dropped."""
STABLE_S = 60.0
"""A connection that lasts so long lets the waits between connections begin anew."""
MOST = Declaration(
    at_once=4096,
    queue=16_384,
    timeout_s=300.0,
    threads=4096,
    kept_bytes=Declaration().kept_bytes,
    assembly_bytes=64 * 1024 * 1024,
    assemblies=16_384,
)
"""The most that a program may declare; an operator may set more. It is not trusted with the provider's memory."""

_R = TypeVar("_R")

log = Logger()


class Dial(Protocol):
    """Opens a connection to a Unix socket."""

    def __call__(self, place: SocketPlace, factory: IProtocolFactory) -> Deferred[object]:
        """Connect a protocol of `factory`; fails if nobody listens. Cancelling the Deferred gives up."""


class _Endpoint(Protocol):
    def connect(self, factory: IProtocolFactory) -> Deferred[object]: ...


def unix_dial(reactor: object) -> Dial:
    """Return what opens connections by `reactor`."""

    new_endpoint = cast("Callable[..., _Endpoint]", UNIXClientEndpoint)

    def dial(place: SocketPlace, factory: IProtocolFactory) -> Deferred[object]:
        return new_endpoint(reactor, os.fspath(place.path), timeout=REACHED_WITHIN_S).connect(factory)

    return dial


@dataclass(frozen=True)
class _Question:
    """A question that the program has not answered."""

    answer: Deferred[bytes]
    body_bytes: int


class FloodError(PeerError):
    """The program of a service sends more than its provider has time for."""


class RemoteAsker:
    """Asks the program of one service, and keeps the connection to it."""

    def __init__(
        self,
        name: str,
        place: SocketPlace,
        *,
        provider: Identity,
        keys: KeyDirectory,
        dial: Dial,
        clock: Clock,
        rng: Rng,
        limits: ServiceLimits,
    ) -> None:
        """`name`: of the service. `place`: where its program listens, and as whom. `keys`: what the program may use.

        `provider`: our identity, of which the program is told. `dial`: opens the connections; `clock`, `rng`: wait
        between them. `limits`: the operator's, which take the place of those that the program declares.
        """
        self.name = name
        self._place = place
        self._hello = Greeting(SOCKET_VERSION, provider, name)
        self._keys = keys
        self._dial = dial
        self._clock = clock
        self._backoff = Backoff(rng=rng, first_s=RETRY_FIRST_S, longest_s=RETRY_LONGEST_S)
        self._questions: dict[int, _Question] = {}
        self._bytes_under_way = 0
        self._next_number = 0
        self._key_calls = 0
        self._key_rate = TokenBucket(KEY_CALLS_PER_S, MAX_KEY_CALLS, clock.seconds())
        self._unasked = TokenBucket(UNASKED_PER_S, UNASKED_AT_ONCE, clock.seconds())
        self._key_requests = TokenBucket(KEY_REQUESTS_PER_S, KEY_REQUESTS_AT_ONCE, clock.seconds())
        self._waiting: dict[int, Ask] = {}
        self._ready_s = 0.0
        self._end: _ProviderEnd | None = None
        self._dialling: Deferred[object] | None = None
        self._timer: DelayedCall | None = None
        self._is_running = False
        self._is_ready = False
        self._health = ""
        self._trouble = "its program has not been reached yet"
        self._limits = limits
        self.declaration = limits.change(Declaration())

    @property
    def problem(self) -> str | None:
        """Why the service cannot be asked just now, in one line; None if it can."""
        if self._is_ready:
            return f'the program of the service "{self.name}" says: {self._health}' if self._health else None
        return f'the service "{self.name}" cannot be asked at {self._place.path}: {self._trouble}'

    def start(self) -> None:
        """Connect, and again whenever the connection is lost."""
        self._is_running = True
        self._connect()

    async def stop(self) -> None:
        """Close the connection; questions that have no answer fail."""
        self._is_running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._dialling is not None:
            self._dialling.cancel()
        if self._end is not None:
            self._end.close()
        self._lose_questions()

    def ask(self, repetition_key: bytes, body: bytes) -> Deferred[bytes]:
        """Ask the service; cancelling the Deferred gives the question up.

        Fails with `NotAskedError` if the program cannot be asked now, `LostQuestionError` if it ended before it
        answered, `ServiceRefusedError` if it refuses. A lost question may be asked again if the service recognises
        repetition: then it fails with `NotAskedError` too.
        """
        end = self._end
        if end is None or not self._is_ready or self._health:
            return fail(NotAskedError(f"{self.name} cannot be asked: {self.problem}"))
        if self._bytes_under_way + len(body) > MAX_BYTES_UNDER_WAY:
            return fail(NotAskedError(f"{self.name} has too much to answer"))
        number, self._next_number = self._next_number, self._next_number + 1
        answer: Deferred[bytes] = Deferred(partial(self._given_up, number))
        self._questions[number] = _Question(answer, len(body))
        self._bytes_under_way += len(body)
        # Kept here while the program does not read: what is given up meanwhile is never sent.
        self._waiting[number] = Ask(number, repetition_key, body)
        self.send_waiting(end)
        return answer

    # The methods below are for the ends of connections.

    def opened(self, end: _ProviderEnd) -> None:
        """Greet a program that has been reached."""
        user_id = peer_user_id(end.transport)
        if user_id != self._place.user_id:
            allowed = user_name(self._place.user_id)
            end.refuse(f"the program runs as user {user_name(user_id)}, and only {allowed} is allowed")
            return
        self._end = end
        end.send(self._hello)
        end.expect_welcome()

    def send_waiting(self, end: _ProviderEnd) -> None:
        """Send questions until the connection takes no more."""
        while self._waiting and not end.is_full:
            end.send(self._waiting.pop(next(iter(self._waiting))))

    def received(self, end: _ProviderEnd, message: FromProgram) -> None:
        """Take a message of the program; raise `FormatError` if it is not its turn."""
        match message:
            case Welcome():
                self._welcomed(end, message)
            case _ if not self._is_ready:
                raise FormatError("it did not greet first")
            case AskAnswered(number, outcome, body):
                self._answered(number, outcome, body)
            case Health(problem):
                self._bear(self._unasked, "tells how it is")
                self._health = " ".join(problem.split())
            case FindCard(number, name):
                self._serve_keys(end, self._card(name), partial(FoundCard, number), b"")
            case PublishCard(number, publication):
                self._serve_keys(end, self._publish(publication), partial(Published, number), False)

    def closed(self, end: _ProviderEnd, trouble: str) -> None:
        """Note that a connection has ended, and why."""
        if end is not self._end and self._end is not None:
            return
        if self._is_ready:
            if self._clock.seconds() - self._ready_s >= STABLE_S:
                self._backoff.reset()
            log.warn("the program of service {service} was lost: {trouble}", service=self.name, trouble=trouble)
        self._end, self._is_ready, self._health, self._trouble = None, False, "", trouble
        self._lose_questions()
        self._connect_later()

    def _connect(self) -> None:
        self._timer = None
        factory = Factory.forProtocol(partial(_ProviderEnd, self, self._clock))
        factory.noisy = False
        dialling = self._dialling = self._dial(self._place, cast(IProtocolFactory, factory))
        dialling.addCallbacks(lambda _: None, self._not_reached)
        dialling.addBoth(self._dialled)

    def _dialled(self, _: object) -> None:
        self._dialling = None

    def _not_reached(self, failure: Failure) -> None:
        self._trouble = _why(failure.value)
        self._connect_later()

    def _connect_later(self) -> None:
        if self._is_running and self._timer is None:
            self._timer = self._clock.callLater(self._backoff.next_s(), self._connect)

    def _welcomed(self, end: _ProviderEnd, welcome: Welcome) -> None:
        if self._is_ready:
            raise FormatError("it greeted twice")
        if welcome.version != SOCKET_VERSION or welcome.service != self.name:
            raise FormatError(f'it serves "{welcome.service}" by version {welcome.version} of the protocol')
        end.welcomed()
        self._is_ready, self._ready_s = True, self._clock.seconds()
        declaration = self._limits.change(_capped(welcome.declaration))
        # More than the program takes at once would be turned away by it; here it waits.
        at_once = min(declaration.at_once, welcome.declaration.at_once)
        declaration = msgspec.structs.replace(declaration, at_once=at_once)
        # The same one stays: a change makes the provider begin anew with the service.
        if declaration != self.declaration:
            self.declaration = declaration
        log.info("the program of service {service} is there", service=self.name)

    def _answered(self, number: int, outcome: AskOutcome, body: bytes) -> None:
        question = self._forget(number)
        if question is None:
            # Given up, as it came too late.
            self._bear(self._unasked, "answers what nobody asks")
            return
        match outcome:
            case AskOutcome.DONE:
                question.answer.callback(body)
            case AskOutcome.REFUSED:
                question.answer.errback(ServiceRefusedError(f"{self.name} refuses"))
            case AskOutcome.NOT_ASKED:
                question.answer.errback(NotAskedError(f"{self.name} cannot be asked now"))
            case AskOutcome.BROKEN:
                question.answer.errback(FailedElsewhereError(f"{self.name} has failed"))

    def _given_up(self, number: int, _: Deferred[bytes]) -> None:
        self._forget(number)

    def _forget(self, number: int) -> _Question | None:
        question = self._questions.pop(number, None)
        self._waiting.pop(number, None)
        if question is not None:
            self._bytes_under_way -= question.body_bytes
        return question

    def _lose_questions(self) -> None:
        lost, self._questions, self._bytes_under_way = self._questions, {}, 0
        unsent, self._waiting = self._waiting, {}
        for number, question in lost.items():
            may_ask_again = number in unsent or self.declaration.recognises_repetition
            error_type = NotAskedError if may_ask_again else LostQuestionError
            question.answer.errback(error_type(f"the program of {self.name} ended before it answered"))

    async def _card(self, name: str) -> bytes:
        return await self._keys.card(name)

    async def _publish(self, publication: bytes) -> bool:
        publish = decode_keys_request(publication)
        return isinstance(publish, Publish) and await self._keys.publish(publish)

    def _serve_keys(
        self,
        end: _ProviderEnd,
        work: Coroutine[Deferred[object], object, _R],
        reply: Callable[[_R], FromProvider],
        otherwise: _R,
    ) -> None:
        try:
            self._bear(self._key_requests, "looks cards up")
        except FloodError:
            work.close()
            raise
        if self._key_calls >= MAX_KEY_CALLS or not self._key_rate.take(self._clock.seconds()):
            work.close()
            end.send(reply(otherwise))
            return
        self._key_calls += 1
        calling = Deferred.fromCoroutine(work)
        calling.addErrback(self._no_key, otherwise)
        calling.addCallback(lambda result: end.send(reply(result)))
        calling.addBoth(self._key_call_ended)

    def _bear(self, bucket: TokenBucket, what: str) -> None:
        """Take a message that costs time, as long as there are not too many; raise `FloodError` if there are."""
        if not bucket.take(self._clock.seconds()):
            raise FloodError(f"it floods its provider: it {what} more often than is allowed")

    def _no_key(self, failure: Failure, otherwise: _R) -> _R:
        if not isinstance(failure.value, LoopixmixError):
            log.error("service {service} could not use the cards: {what}", service=self.name, what=told(failure))
        return otherwise

    def _key_call_ended(self, _: object) -> None:
        self._key_calls -= 1


class _ProviderEnd(SocketEnd[FromProgram]):
    """One connection to the program."""

    def __init__(self, asker: RemoteAsker, clock: Clock) -> None:
        super().__init__(from_program)
        self._asker = asker
        self._clock = clock
        self._timer: DelayedCall | None = None
        self.is_full = False

    def connectionMade(self) -> None:  # noqa: N802 (Twisted's name)
        """Greet, and hear from now on when the program does not read what is sent."""
        self.channel.registerProducer(self, True)
        self._asker.opened(self)

    def pauseProducing(self) -> None:  # noqa: N802 (Twisted's name)
        """Send nothing more, and hear nothing that would have to be answered, until the program has read."""
        self.is_full = True
        self.channel.pauseProducing()
        self._expect(DEAF_S, f"it has read nothing for {DEAF_S:g} s")

    def resumeProducing(self) -> None:  # noqa: N802 (Twisted's name)
        """Go on."""
        self.is_full = False
        self._stop_timer()
        self.channel.resumeProducing()
        self._asker.send_waiting(self)

    def stopProducing(self) -> None:  # noqa: N802 (Twisted's name)
        """Nothing: that the connection is lost is told by `connectionLost`."""

    def heard(self, message: FromProgram) -> None:
        """Take what the program says."""
        self._asker.received(self, message)

    def refused(self, trouble: str) -> None:
        """Say so in the log."""
        log.warn("the program of service {service}: {trouble}", service=self._asker.name, trouble=trouble)

    def ended(self, trouble: str | None) -> None:
        """Tell that the connection is gone."""
        self._stop_timer()
        self._asker.closed(self, trouble or "its program closed the connection")

    def expect_welcome(self) -> None:
        """End the connection if no greeting comes."""
        self._expect(WELCOME_WITHIN_S, "it did not greet in time")

    def welcomed(self) -> None:
        """Wait for no greeting any more."""
        self._stop_timer()

    def close(self) -> None:
        """Close the connection, whether the program reads or not."""
        self.channel.abortConnection()

    def _expect(self, within_s: float, otherwise: str) -> None:
        self._stop_timer()
        self._timer = self._clock.callLater(within_s, self.refuse, otherwise)

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()


def _why(error: BaseException | None) -> str:
    number = getattr(error, "osError", None)
    return f"nobody answers there ({os.strerror(number) if isinstance(number, int) else error})"


def _capped(declared: Declaration) -> Declaration:
    """Return what a program declares, or what it may declare at most."""
    limits = [name for name in declared.__struct_fields__ if name != "recognises_repetition"]
    return msgspec.structs.replace(
        declared, **{name: min(getattr(declared, name), getattr(MOST, name)) for name in limits}
    )
