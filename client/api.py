"""What applications use: one protocol, frozen values and errors; nothing deeper.

`Client` is implemented by `client.running.service.ClientService` (in the daemon's process), by
`client.remote.RemoteClient` and `client.remote_asyncio.AsyncioClient` (over the daemon's local HTTP API, on Twisted and
on asyncio), and by `client.testing.FakeClient` (in memory, for an application's tests).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, Protocol, TypeAlias

# With `as`, because a program that checks its types may import only what is exported.
from client.errors import BadRequestError as BadRequestError
from client.errors import BusyError as BusyError
from client.errors import ClientError as ClientError
from client.errors import ConflictError as ConflictError
from client.errors import ForbiddenError as ForbiddenError
from client.errors import KeyChangedError as KeyChangedError
from client.errors import NoClientError as NoClientError
from client.errors import NoTokenError as NoTokenError
from client.errors import NotRegisteredError as NotRegisteredError
from client.errors import NotRunningError as NotRunningError
from client.errors import QueueFullError as QueueFullError
from client.errors import RegistrationRefusedError as RegistrationRefusedError
from client.errors import RequestTimeoutError as RequestTimeoutError
from client.errors import ServiceFailedError as ServiceFailedError
from client.errors import TooLongError as TooLongError
from client.errors import TooManyReadersError as TooManyReadersError
from client.errors import UnknownContactError as UnknownContactError
from client.errors import UnknownMessageError as UnknownMessageError
from client.errors import UnknownReaderError as UnknownReaderError
from client.errors import UnknownRequestError as UnknownRequestError
from client.errors import UnknownServiceError as UnknownServiceError
from client.errors import WrongStateError as WrongStateError
from client.values import CallbackFailure as CallbackFailure
from client.values import ClientStatus as ClientStatus
from client.values import Contact as Contact
from client.values import Letter as Letter
from client.values import MailDomain as MailDomain
from client.values import MessageId as MessageId
from client.values import MessageProgress as MessageProgress
from client.values import MessageState as MessageState
from client.values import NamedReader as NamedReader
from client.values import NetworkView as NetworkView
from client.values import NumberedChange as NumberedChange
from client.values import OutgoingMessage as OutgoingMessage
from client.values import PostedRequest as PostedRequest
from client.values import ProviderView as ProviderView
from client.values import ReceivedMessage as ReceivedMessage
from client.values import RequestId as RequestId
from client.values import RequestState as RequestState
from client.values import StateChange as StateChange
from client.values import StreamStatus as StreamStatus
from client.values import TimeEstimate as TimeEstimate
from client.values import TokenStock as TokenStock
from client.values import Verified as Verified

# The kinds of errors, by which a program may catch them.
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

    async def sent(self, *, after: int = 0, limit: int = 100) -> list[OutgoingMessage]:
        """Return outgoing messages of any state with a number over `after`, oldest first, at most `limit`, 1 or more.

        One that has ended is kept as long and beside as many as the client's settings say, or until it is deleted.
        Raises `BadRequestError`.
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

    async def mark_read(self, *, last: int, after: int = 0) -> None:
        """Count the received messages with a number over `after` and up to `last` as read, once that is durable.

        That is for programs that show messages: `unread` in the status goes down, and readers are still given all that
        they have not handled. Raises `BadRequestError`.
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
        """Pin the changed key of a contact after its fingerprint was compared; it counts as compared then.

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
        """Order `count` blind tokens for `purpose` of `issuer`; return when that is stored durably.

        They come at random times in the next hours, and each rests for a random time: whoever issues and redeems tokens
        must not be able to match the times. So order them long before they are needed. `issuer`: a provider, or
        `SERVICE@PROVIDER`, another hosted service that signs; `key` is then a must. `credential`: why the issuer should
        sign, a code of its operator for example. `key`: an encoded `loopixmix.tokens.TokenKey` of a record that the
        application has pinned; without it, the issuer's key in the network document counts. An order that the issuer
        refuses is given up; `status` says so, and why one has to wait.
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
