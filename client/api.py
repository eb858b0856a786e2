"""What applications use: one protocol, frozen values and errors; nothing deeper.

`Client` is implemented by `client.running.service.ClientService` (in the daemon's process), by
`client.remote.RemoteClient` and `client.remote_asyncio.AsyncioClient` (over the daemon's local HTTP API, on Twisted and
on asyncio), and by `client.testing.FakeClient` (in memory, for an application's tests).
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec

# With `as`, because a program that checks its types may import only what is exported: it catches errors by kind.
from loopixmix.errors import ConfigError as ConfigError
from loopixmix.errors import LoopixmixError as LoopixmixError
from loopixmix.errors import MisuseError as MisuseError
from loopixmix.errors import PeerError as PeerError
from loopixmix.errors import StoreError as StoreError
from loopixmix.errors import UnavailableError as UnavailableError
from loopixmix.requests import parts

MAX_BODY_BYTES = 10 * 1024 * 1024
"""The longest body of one message."""

MAX_REQUEST_BYTES = parts.MAX_BODY_BYTES
"""The longest request to a service, and the longest answer."""

MAX_LETTERS = 10_000
"""The most messages of one `send_many`."""

MAX_BULK_BYTES = 16 * 1024 * 1024
"""The most that the bodies of one `send_many` have together."""

MAX_TIMEOUT_S = 3600.0
"""The longest that `request` waits for an answer."""

MAX_KIND_LENGTH = 64
"""The longest `kind`, in characters of `a-z 0-9 . - / _`."""

MessageId: TypeAlias = str
"""32 hexadecimal digits, random, made by the sender; the same on both ends."""

RequestId: TypeAlias = str
"""32 hexadecimal digits, random; no provider ever sees it."""


class ClientError(LoopixmixError):
    """The client cannot do this."""


class UnknownContactError(ClientError, MisuseError):
    """There is no contact of that address; add it first."""


class UnknownServiceError(ClientError, MisuseError):
    """No provider of this network offers that service."""


class TooLongError(ClientError, MisuseError):
    """The body is over the size limit."""


class BadRequestError(ClientError, MisuseError):
    """An argument has the wrong form."""


class KeyChangedError(ClientError, PeerError):
    """The contact's key is not the one that was pinned; nothing is sent until you accept the new one."""


class NoTokenError(ClientError, MisuseError):
    """There is no token for this purpose that may be spent now; order some ahead."""


class NotRegisteredError(ClientError, MisuseError):
    """This client has no account at a provider yet; register first."""


class RegistrationRefusedError(ClientError, PeerError):
    """The provider refused the registration."""


class QueueFullError(ClientError, MisuseError):
    """The queue of messages to send is full; wait until some have left."""


class ConflictError(ClientError, MisuseError):
    """That idempotency key was used for something else."""


class UnknownMessageError(ClientError, MisuseError):
    """There is no message of that id."""


class UnknownRequestError(ClientError, MisuseError):
    """There is no posted request of that id, or it was forgotten."""


class UnknownReaderError(ClientError, MisuseError):
    """There is no reader of that name for that kind."""


class TooManyReadersError(ClientError, MisuseError):
    """There are as many named readers as there may be; remove one first."""


class WrongStateError(ClientError, MisuseError):
    """The message or request is in a state in which this cannot be done."""


class RequestTimeoutError(ClientError, UnavailableError):
    """No answer came in time; the request may or may not have been carried out."""


class ServiceFailedError(ClientError, PeerError):
    """The service answered that it could not carry out the request."""


class NotRunningError(ClientError, UnavailableError):
    """The client daemon is not running."""


class NoClientError(ClientError, MisuseError):
    """There is no client in that directory; make one first."""


class BusyError(ClientError, UnavailableError):
    """The client daemon serves as many calls as it can; try again in a moment."""


class ForbiddenError(ClientError, MisuseError):
    """The client daemon refused the token or the origin of the call."""


class MessageState(enum.StrEnum):
    """Where an outgoing message is; only what the network proved is ever shown.

    `STORED` is the word of the recipient's provider (every fragment's SURB acknowledgement came back); `RECEIVED`
    needs the recipient's own receipt. `FAILED` and `CANCELLED` say that nothing more is sent; a fragment that had left
    before cannot be recalled.
    """

    QUEUED = "queued"
    SENDING = "sending"
    STORED = "stored"
    RECEIVED = "received"
    RETRYING = "retrying"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Verified(enum.Enum):
    """How sure it is whose key it is.

    `COMPARED`: its fingerprint was compared with the person, and accepted. `PINNED`: it is the key that was found when
    the contact was added, and nobody compared it. `UNKNOWN`: it is no contact's key, or there is none.
    """

    COMPARED = "compared"
    PINNED = "pinned"
    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        # An `if message.verified` would let all three pass, the unknown ones too.
        raise TypeError("compare with Verified.COMPARED, PINNED or UNKNOWN: there are three answers, not two")


class StateChange(msgspec.Struct, frozen=True):
    """One step in a message's history."""

    at_s: float
    state: MessageState
    detail: str = ""


class OutgoingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """An outgoing message with its history, oldest first."""

    message_id: MessageId
    to: str
    kind: str
    length_bytes: int
    state: MessageState
    fragments: int
    fragments_sent: int
    fragments_acknowledged: int
    history: tuple[StateChange, ...]
    leaves_at_s: float | None = None
    """The moment at which it begins to leave, None if that is at once."""
    deadline_s: float | None = None
    """If it is not stored by then, it fails."""


class NumberedChange(msgspec.Struct, frozen=True, kw_only=True):
    """One step of one outgoing message. `number` counts the steps of all messages from 1 and never repeats."""

    number: int
    message_id: MessageId
    to: str
    kind: str
    at_s: float
    state: MessageState
    detail: str = ""


class MessageProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far an outgoing message is; `number` is that of the last step of any message that was told before."""

    number: int
    message_id: MessageId
    at_s: float
    fragments: int
    fragments_sent: int
    fragments_acknowledged: int


class Letter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message that an application wants to send; the fields are the arguments of `Client.send`."""

    to: str
    body: bytes
    kind: str
    idempotency_key: str
    anonymous: bool = False
    not_before_s: float | None = None
    deadline_s: float | None = None


class RequestState(enum.StrEnum):
    """Where a posted request is.

    `FAILED`: the service could not carry it out. `EXPIRED`: no answer came until its deadline; it may have been carried
    out. `CANCELLED`: nothing more of it is sent, and its answer is not waited for.
    """

    QUEUED = "queued"
    ASKING = "asking"
    ANSWERED = "answered"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class PostedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that waits for its answer through restarts, or has ended.

    `leaves_at_s`: the moment at which it begins to leave, None if that is at once. `parts_sent` of `parts`: how much of
    the request has left; `parts_received` of `answer_parts`: how much of the answer is here, 0 of 0 while its length is
    not known. These four count what happened since the client was started. `answer`: once the state is `ANSWERED`.
    `problem`: one line about an end without answer. `ended`: counts the ends of requests from 1, 0 before; a program
    remembers the last one it has seen.
    """

    request_id: RequestId
    service: str
    length_bytes: int
    state: RequestState
    created_at_s: float
    leaves_at_s: float | None = None
    deadline_s: float
    parts_sent: int = 0
    parts: int = 0
    parts_received: int = 0
    answer_parts: int = 0
    answer: bytes | None = None
    problem: str = ""
    ended: int = 0


class ReceivedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """An incoming message.

    `sender` is None if the sender stayed anonymous; otherwise the address of a contact, or, if `verified` is `UNKNOWN`,
    the address that the sender claims. It is `key:` and a fingerprint if a contact has that address and another key.
    `verified` is as it was when the message came. `fingerprint` is that of the key that signed the message, empty if it
    is anonymous. `reply_to` names how to answer an anonymous sender: give it to `send`
    as `to`; it is empty if the sender left no way to answer. `number` counts received messages from 1 and never
    repeats; a program remembers the last one it has seen.
    """

    number: int
    message_id: MessageId
    sender: str | None
    verified: Verified
    kind: str
    body: bytes
    received_at_s: float
    reply_to: str = ""
    fingerprint: str = ""


class NamedReader(msgspec.Struct, frozen=True, kw_only=True):
    """A reader with a name, and how far it is with the messages of one kind.

    `waiting`: how many it has not handled; `programs`: how many read by this name now; `made_at_s`, `used_at_s`: when a
    program began to read by it for the first time, and the last time.
    """

    name: str
    kind: str
    waiting: int
    programs: int
    made_at_s: float
    used_at_s: float


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A person or program that can be written to: `name@provider` or `name@domain`, with the key that was pinned."""

    address: str
    fingerprint: str
    verified: Verified
    changed_fingerprint: str = ""


class TimeEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """How long a message would take: on average, and at most in 19 of 20 cases; the mean is the sum of three parts.

    `queue_s`: until its first fragment leaves, because of its time and of what waits already; `sending_s`: until all
    `fragments` have left once; `delivery_s`: until the recipient's client, if it is online, has all of them.
    """

    mean_s: float
    p95_s: float
    queue_s: float
    sending_s: float
    delivery_s: float
    fragments: int


class StreamStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One Poisson stream: its set rate and what it has sent."""

    rate_per_s: float
    sent: int


class MailDomain(msgspec.Struct, frozen=True, kw_only=True):
    """A mail domain of the network: `name@domain` is an address like `name@provider`.

    `gateway`: the account, `name@provider`, that every name of the domain reaches. Its client can read all mail to the
    domain. Empty: each name of the domain is that of an account of the provider.
    """

    domain: str
    gateway: str = ""


class ProviderView(msgspec.Struct, frozen=True, kw_only=True):
    """A provider of the network. `identity`: its key, as 64 hexadecimal digits. `services`: what it hosts, by name.

    `mailbox_items`: how many fragments wait in one mailbox at most, 0 if the provider does not say. `domains`: its mail
    domains, by name.
    """

    name: str
    identity: str
    fingerprint: str
    services: tuple[str, ...]
    mailbox_items: int = 0
    domains: tuple[MailDomain, ...] = ()


class NetworkView(msgspec.Struct, frozen=True, kw_only=True):
    """The network as its present document describes it; providers by name.

    `fragment_bytes`: how many bytes of a message one fragment carries; the first one carries a little less.
    """

    epoch: int
    valid_until_s: float
    providers: tuple[ProviderView, ...]
    fragment_bytes: int = 0


class TokenStock(msgspec.Struct, frozen=True, kw_only=True):
    """The blind tokens for one purpose: how many may be spent now, rest until they may, and are still to come."""

    purpose: str
    usable: int
    resting: int
    ordered: int


class ClientStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the client is doing now; `problem` is one line for the user, empty when all is well.

    A guest has an account at `provider` and no address. `fingerprint`: that of this client's own key, for people who
    have it as a contact, and compare.
    """

    address: str
    registered: bool
    connected: bool
    epoch: int
    problem: str
    queued_messages: int
    queued_fragments: int
    unread: int
    payload: StreamStatus
    loop: StreamStatus
    drop: StreamStatus
    real_sent: int
    loops_returned: int
    loops_lost: int
    loop_round_trip_mean_s: float
    expected_delivery_s: float
    provider: str = ""
    guest: bool = False
    fingerprint: str = ""


class CallbackFailure(msgspec.Struct, frozen=True, kw_only=True):
    """An error that a callback raised, which ends nothing; or why it is told nothing any more.

    `number`: counts the failures of this client object from 1. `callback`: the method that it was given to, and its
    name, such as `on_received(guestbook.app.Guestbook.note)`. `error`: what it raised; only the newest one still has
    its traceback. `ended`: whether the callback is told nothing any more, because what it asked for was
    refused, at once or after a break; then `error` says why.
    """

    number: int
    callback: str
    error: BaseException
    ended: bool = False


ReceivedCallback: TypeAlias = Callable[[ReceivedMessage], Awaitable[None] | None]
AnswerCallback: TypeAlias = Callable[[PostedRequest], Awaitable[None] | None]
ProgressCallback: TypeAlias = Callable[[NumberedChange | MessageProgress], Awaitable[None] | None]


class Following(Protocol):
    """How to stop a callback that follows something: call it, once or more often.

    It may be awaited, too, and returns itself once following has begun: what happens from then on is told.
    """

    def __call__(self) -> None:
        """Follow no more; a callback that runs is not interrupted."""

    def __await__(self) -> Generator[Any, Any, Following]:
        """Wait until it has begun; raises why it will not."""


class Client(Protocol):
    """An anonymous messaging client; all that mail, votes and statistics know of the network.

    An argument of a wrong type or form raises `BadRequestError`, in every method and at every implementation alike.

    A callback may be a plain function or a coroutine function. It gets one thing at a time and is never interrupted,
    not even by the function that stops it. An error that it raises, a cancellation too, ends nothing. It is kept in
    `callback_failures`, and its kind and place are logged with the callback's name.
    """

    @property
    def callback_failures(self) -> Sequence[CallbackFailure]:
        """The newest 100 errors that callbacks of this client raised, or that ended them, oldest first."""

    async def send(
        self,
        to: str,
        body: bytes,
        *,
        kind: str,
        idempotency_key: str,
        anonymous: bool = False,
        not_before_s: float | None = None,
        deadline_s: float | None = None,
    ) -> MessageId:
        """Queue `body` for the contact `to` and return once it is durably stored.

        Arguments: `kind` names the application (`mail`, `votes/ballot`, ...); `idempotency_key`, up to 128
        characters, makes a repeated call return the first call's message; `anonymous` leaves out the sender and
        signature and adds reply blocks instead.

        `not_before_s`, `deadline_s` (seconds since the Unix epoch): the message leaves no earlier than the one, and if
        it is not stored by the other it fails and nothing more of it is sent. With both, the moment at which it begins
        to leave is drawn uniformly from `not_before_s` to the latest one from which it would be stored in time; with
        `deadline_s` alone it leaves at once. Both may be a year ahead.
        Raises `UnknownContactError`, `TooLongError`, `KeyChangedError`, `QueueFullError`, `ConflictError`,
        `BadRequestError`, `NotRegisteredError`.
        """

    async def send_many(self, letters: Sequence[Letter]) -> list[MessageId]:
        """Queue messages in one transaction: all of them, or none if this raises; return their ids in the same order.

        At most `MAX_LETTERS`, whose bodies have at most `MAX_BULK_BYTES` together. A repeated call returns the same
        ids, so that a caller who got no answer makes it again. Raises as `send`, with the index of the letter.
        """

    async def request(self, service: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask a provider's service anonymously and return its answer.

        `service` is `name` (any provider that offers it, chosen at random) or `name@provider`. Request and answer have
        at most `MAX_REQUEST_BYTES` each. `timeout_s`: over 0 and at most `MAX_TIMEOUT_S`. Nothing of it is kept on the
        disk: `post_request` is for longer waits.
        Raises `UnknownServiceError`, `TooLongError`, `RequestTimeoutError`, `ServiceFailedError`, `BadRequestError`,
        `NotRegisteredError`.
        """

    async def post_request(
        self,
        service: str,
        body: bytes,
        *,
        idempotency_key: str,
        not_before_s: float | None = None,
        deadline_s: float | None = None,
    ) -> RequestId:
        """Queue an anonymous request and return once it is durably stored: it goes on after a restart.

        `service` and `body` are those of `request`. `idempotency_key`, up to 128 characters, makes a repeated call
        return the first call's id. `not_before_s`, `deadline_s` (seconds since the Unix epoch, both at most a year
        ahead): it is asked no earlier than the one, and expires at the other, by default five days from now. With
        `not_before_s` the moment at which it begins to leave is drawn uniformly from there to the latest sensible one
        before the deadline.

        A request counts for its host until the end of the next epoch, and is carried out at most once in that time.
        If the deadline is later, further attempts follow, each with the same repetition key. So a deadline that is
        more than an epoch away is for services that recognise repetitions by that key. A service that does not may
        carry the request out again, if only the answer was lost.
        Raises `UnknownServiceError`, `TooLongError`, `QueueFullError`, `ConflictError`, `BadRequestError`,
        `NotRegisteredError`.
        """

    async def answer(self, request_id: RequestId) -> PostedRequest:
        """Return a posted request as it is now; its field `answer` is the answer once its state is `ANSWERED`.

        It does not wait: `on_answer` tells when a request has ended. Requests that have ended are kept for 30 days.
        Raises `UnknownRequestError`.
        """

    async def cancel_request(self, request_id: RequestId) -> PostedRequest:
        """Send nothing more of a posted request; return it once that is durable. It may have been carried out.

        One that is cancelled already stays so. Raises `UnknownRequestError`, `WrongStateError` if it has ended
        otherwise.
        """

    async def forget_request(self, request_id: RequestId) -> None:
        """Forget a posted request that has ended, with its answer and its idempotency key.

        Raises `UnknownRequestError`, `WrongStateError` if it has not ended: cancel it first.
        """

    def on_answer(self, callback: AnswerCallback, *, after: int = 0) -> Following:
        """Call `callback` for each posted request that has ended, in the order of their ends; returns how to stop.

        Every end is told, not only an answer: `PostedRequest.state` says whether it was answered, failed, expired or
        was cancelled. First come those that are still kept and whose `ended` is over `after`. One on which
        `callback` fails is offered again after a pause, before later ones.
        Raises `BadRequestError` for a number of a wrong form. If `after` lies ahead of the newest end, nothing is told:
        `callback_failures` says so, and awaiting raises `BadRequestError`.
        """

    async def estimate_request(self, request_bytes: int, answer_bytes: int) -> TimeEstimate:
        """Return how long a request would take if it were asked now, until its answer of that length is here.

        The service is thought to answer at once. Raises `TooLongError`, `BadRequestError`, `NotRegisteredError`.
        """

    def on_received(
        self, kind: str, callback: ReceivedCallback, *, reader: str = "", within_s: float = 60.0
    ) -> Callable[[], None]:
        """Call `callback` for each message of `kind`, those not yet handled first; returns how to stop.

        A message counts as handled once the callback (and what it returned, if awaitable) finished without error.
        One on which it fails comes again after a pause: after 1 s at first, then after twice as long each time, at most
        5 minutes. It does not hold up the others.

        Each reader gets every message. Programs, and callbacks of one program, that read by the same name share it:
        each message is given to one of them. So they do without a name, which is one reader too. `reader` has 1 to 64
        characters of `a-z 0-9 . - _`. A new one begins with the oldest message that is kept. Which messages a reader
        has handled is kept through restarts. A client keeps at most 64 readers with a name, and one that reads two
        kinds counts twice. While there is no place for another one, its callback is given nothing, and the log says so.

        If the callback takes longer than `within_s` (1 to 3600 seconds), the message is given to another program of
        this reader, if there is one. Then the callback that took too long is not counted.
        Raises `BadRequestError` if `kind`, `reader` or `within_s` has the wrong form.
        """

    async def readers(self) -> list[NamedReader]:
        """Return the readers that have a name, by name and kind."""

    async def remove_reader(self, name: str, kind: str) -> None:
        """Forget a reader with a name, and what it has handled.

        Raises `UnknownReaderError`, `WrongStateError` while a program reads by that name, `BadRequestError`.
        """

    async def estimate(self, body_bytes: int, to: str) -> TimeEstimate:
        """Return how long a message of `body_bytes` to `to` would take if it were sent now.

        It reckons with the rates, what waits already, the packets that are lost and how long others take, as the
        client's own test packets tell, and for an answer to an anonymous sender with the epochs of its reply blocks.
        Raises `UnknownContactError`, `KeyChangedError`, `TooLongError`, `BadRequestError`, `NotRegisteredError`.
        """

    def on_progress(self, callback: ProgressCallback, *, after: int | None = None) -> Following:
        """Call `callback` for each step of each outgoing message, and with the counts of those that are on their way.

        Steps are told once each, in their order, those after the number `after` first; without it only those to come.
        A program that comes back gives the number of the last event that it has dealt with, and misses no step. Counts
        are told once a second for each message at most, and not kept: after a break only the newest are told. The next
        event comes when the callback, and what it returned, if awaitable, is done. Returns how to stop. It begins by
        itself, as soon as it can; await what is returned to know that it has begun.
        Raises `BadRequestError` for a number of a wrong form. If `after` lies ahead of the newest step, nothing is
        told: `callback_failures` says so, and awaiting raises `BadRequestError`.
        """

    async def message(self, message_id: MessageId) -> OutgoingMessage:
        """Return an outgoing message with its state history. Raises `UnknownMessageError`."""

    async def cancel(self, message_id: MessageId) -> OutgoingMessage:
        """Send nothing more of a message; return it once that is durable.

        Fragments that have left cannot be recalled: the last entry of its history says how many. A message that is
        cancelled already stays so. Raises `UnknownMessageError`, `WrongStateError` if it has ended otherwise.
        """

    async def delete_outgoing(self, message_id: MessageId) -> None:
        """Forget an outgoing message that has ended, with its history and its idempotency key.

        Raises `UnknownMessageError`, `WrongStateError` if something of it may still be sent: cancel it first.
        """

    async def delete(self, number: int) -> None:
        """Forget a received message, and how to answer it if it was anonymous; its number is not used again.

        Its bytes are overwritten in the store; the log of changes beside it may have them until the daemon stops.
        Raises `UnknownMessageError`.
        """

    async def inbox(self, *, after: int = 0, limit: int = 100) -> list[ReceivedMessage]:
        """Return received messages with a number over `after`, oldest first, at most `limit`, which is 1 or more.

        Fewer come if they are long. Raises `BadRequestError`.
        """

    async def contacts(self) -> list[Contact]:
        """Return all contacts by address."""

    async def add_contact(self, address: str) -> Contact:
        """Look up `name@provider` anonymously, pin its key and return the contact.

        A second look-up that brings another key raises `KeyChangedError` and keeps the pinned one. An unknown name
        gets an answer like a known one: compare fingerprints with the person before trusting the contact.
        Raises `BadRequestError`, `RequestTimeoutError`, `KeyChangedError`.
        """

    async def accept_key(self, address: str, fingerprint: str) -> Contact:
        """Pin the changed key of a contact after its fingerprint was compared; also marks it verified.

        Raises `UnknownContactError`, `BadRequestError` if it is the fingerprint of no key of this contact.
        """

    async def remove_contact(self, address: str) -> None:
        """Forget a contact. Raises `UnknownContactError`."""

    async def register(self, name: str, provider: str, *, invitation: str = "") -> str:
        """Open the account `name` at `provider`, publish the keys and return the address.

        Raises `RegistrationRefusedError`, `BadRequestError`, `UnavailableError`.
        """

    async def register_guest(self, provider: str = "", *, token: bytes = b"") -> str:
        """Open an account without a name and return the name of its provider.

        `provider`: any one, chosen at random, if it is empty. `token`: for providers that ask for one. Nothing is
        published. A guest asks services and sends anonymous messages; it has no address, so that nobody can write to it
        first. An account that is not used for long ends. Then the client opens another one by itself, if it can.
        Raises `RegistrationRefusedError`, `BadRequestError`, `UnavailableError`.
        """

    async def fetch_tokens(
        self, issuer: str, purpose: str, count: int, *, credential: str = "", key: bytes = b""
    ) -> None:
        """Order `count` blind tokens for `purpose` of the provider `issuer`; return when that is stored durably.

        They come at random times in the next hours, and each rests for a random time: whoever issues and redeems tokens
        must not be able to match the times. So order them long before they are needed. `credential`: why the issuer
        should sign, a code of its operator for example. `key`: an encoded `loopixmix.tokens.TokenKey` of a record that
        the application has pinned; without it, the issuer's key in the network document counts. An order that the
        issuer refuses is given up; `status` says so, and why one has to wait.
        Raises `BadRequestError`, `UnknownServiceError` if the network has no such issuer or none for `purpose`.
        """

    async def take_token(self, purpose: str, *, idempotency_key: str = "") -> bytes:
        """Return an encoded token for `purpose`, once, for the caller to spend now.

        By the same `idempotency_key` the same token comes again, for a day: a program that was killed before it wrote
        the token down loses none. Without a key the token is forgotten here at once.
        Raises `NoTokenError`, `BadRequestError`, `ConflictError` if the key was used for another purpose.
        """

    async def tokens(self) -> list[TokenStock]:
        """Return how many blind tokens there are and are ordered, by purpose; `status` says why one has to wait."""

    async def network(self) -> NetworkView:
        """Return the providers of the network and their services. Raises `UnavailableError` without a document."""

    async def status(self) -> ClientStatus:
        """Return what the client is doing now."""
