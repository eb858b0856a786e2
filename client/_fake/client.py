"""The client of `client.testing`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from twisted.internet.defer import Deferred

from client._fake.contacts import FakeContacts
from client._fake.inbox import FakeInbox
from client._fake.member import Member
from client._fake.outbox import FRAGMENT_BYTES, FakeOutbox
from client._fake.post import PostOffice
from client._fake.requests import FakeRequests
from client._fake.services import FakeService, ServiceBrokenError, ask, draw_repetition_key
from client._fake.wallet import FakeWallet
from client.api import (
    AnswerCallback,
    BadRequestError,
    CallbackFailure,
    ClientStatus,
    Contact,
    Following,
    Letter,
    MessageId,
    MessageProgress,
    NamedReader,
    NetworkView,
    NotRegisteredError,
    NumberedChange,
    OutgoingMessage,
    PostedRequest,
    ProgressCallback,
    ReceivedCallback,
    ReceivedMessage,
    RequestId,
    RequestTimeoutError,
    ServiceFailedError,
    StreamStatus,
    TimeEstimate,
    TokenStock,
    Verified,
)
from client.asking.answers import AnswerFeed
from client.core.arguments import (
    NO_ACCOUNT,
    USUAL_SHARE_S,
    check_address,
    check_number,
    check_request,
    check_request_size,
    check_size,
    checked,
)
from client.core.journal import Cursor, MessageShare
from client.feeds.failures import CallbackFailures
from client.feeds.feed import Feeds
from client.receiving.callbacks import Callbacks
from client.receiving.offering import Offering
from client.sending.feed import ProgressFeed
from loopixmix.keys import KEY_BYTES
from loopixmix.process.eventloops import await_on_twisted

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

INSTEAD = "in a test, client.testing.wait_for awaits it and moves the clock (docs/asyncio.md)"
"""What a program on asyncio is told."""


class FakeClient:
    """Implements `client.api.Client` and `JournalledClient` in memory; `FakeNetwork.client` makes one."""

    def __init__(self, network: PostOffice, *, max_queued: int) -> None:
        """Join `network` without an account; at most `max_queued` messages wait to be sent."""
        self.address = ""
        self.guest_at = ""
        """The provider where it is a guest; empty for everybody else."""
        self.identity = network.rng.randbytes(KEY_BYTES)
        self._network = network
        self._listeners: list[Callable[[], None]] = []
        self._contacts = FakeContacts(network)
        self._inbox = FakeInbox(network, self.tell)
        self._requests = FakeRequests(network, self.tell)
        self._wallet = FakeWallet(network)
        self._outbox = FakeOutbox(self, network, self._contacts, max_queued=max_queued, tell=self.tell)
        self._failures = CallbackFailures()
        self._offering = Offering(self._inbox, clock=network.clock)
        self._callbacks = Callbacks(self._offering, clock=network.clock, failures=self._failures)
        self._feeds: Feeds[AnswerFeed | ProgressFeed] = Feeds()

    @property
    def callback_failures(self) -> Sequence[CallbackFailure]:
        """The newest errors that callbacks raised, oldest first."""
        return self._failures.newest

    @checked
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
        """Queue a message."""
        letter = Letter(
            to=to,
            body=body,
            kind=kind,
            idempotency_key=idempotency_key,
            anonymous=anonymous,
            not_before_s=not_before_s,
            deadline_s=deadline_s,
        )
        self._outbox.check(letter)
        self._check_registered()
        return self._outbox.post(letter)

    @checked
    async def send_many(self, letters: Sequence[Letter]) -> list[MessageId]:
        """Queue messages, all or none."""
        self._check_registered()
        return self._outbox.post_many(letters)

    @checked
    async def request(self, service: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask a service."""
        check_request(body)
        self._check_registered()
        host = self._network.service(service)
        # Whatever the service does with its cancellation: the time of the caller has ended.
        answering = Deferred.fromCoroutine(self._answer(service, host, body))
        answering.addTimeout(timeout_s, cast("IReactorTime", self._network.clock), partial(_raise_timeout, service))
        return await await_on_twisted(answering, instead=INSTEAD)

    @checked
    async def post_request(
        self,
        service: str,
        body: bytes,
        *,
        idempotency_key: str,
        not_before_s: float | None = None,
        deadline_s: float | None = None,
    ) -> RequestId:
        """Queue a request, whose answer is waited for."""
        self._requests.check(body, idempotency_key, not_before_s, deadline_s)
        self._check_registered()
        return self._requests.post(
            service, body, idempotency_key=idempotency_key, not_before_s=not_before_s, deadline_s=deadline_s
        )

    @checked
    async def answer(self, request_id: RequestId) -> PostedRequest:
        """Return a posted request."""
        return self._requests.find(request_id)

    @checked
    async def cancel_request(self, request_id: RequestId) -> PostedRequest:
        """Send nothing more of a posted request."""
        return self._requests.cancel(request_id)

    @checked
    async def forget_request(self, request_id: RequestId) -> None:
        """Forget a posted request that has ended."""
        self._requests.forget(request_id)

    def on_answer(self, callback: AnswerCallback, *, after: int = 0) -> Following:
        """Call `callback` for each posted request that has ended."""
        feed = AnswerFeed(self, callback, clock=self._network.clock, after=after, failures=self._failures)
        return feed.follow(self._feeds.begin(feed))

    async def ended_requests(self, *, after: int, limit: int) -> list[PostedRequest]:
        """Return posted requests that have ended, by number."""
        return self._requests.ended(after=after, limit=limit)

    @checked
    async def estimate_request(self, request_bytes: int, answer_bytes: int) -> TimeEstimate:
        """Return how long a request would take: it is carried in the time of a message."""
        check_request_size(request_bytes)
        check_request_size(answer_bytes, of="an answer")
        self._check_registered()
        delay_s, parts = self._network.delay_s, 1 + request_bytes // FRAGMENT_BYTES
        return TimeEstimate(
            mean_s=delay_s, p95_s=delay_s, queue_s=0.0, sending_s=0.0, delivery_s=delay_s, fragments=parts
        )

    def on_received(
        self, kind: str, callback: ReceivedCallback, *, reader: str = "", within_s: float = USUAL_SHARE_S
    ) -> Callable[[], None]:
        """Call `callback` for each message of `kind`."""
        return self._callbacks.subscribe(kind, callback, reader=reader, within_s=within_s)

    async def readers(self) -> list[NamedReader]:
        """Return the readers that have a name."""
        return await self._offering.readers()

    @checked
    async def remove_reader(self, name: str, kind: str) -> None:
        """Forget a reader with a name."""
        await self._offering.remove(name, kind)

    def share(self, kind: str, *, reader: str, at_once: int, within_s: float, wake: Callable[[], None]) -> MessageShare:
        """Let a program handle messages."""
        return self._offering.join(kind, reader=reader, at_once=at_once, within_s=within_s, wake=wake)

    def on_progress(self, callback: ProgressCallback, *, after: int | None = None) -> Following:
        """Tell what happens to outgoing messages."""
        clock = self._network.clock
        feed = ProgressFeed(self, callback, clock=clock, after=after, failures=self._failures)
        return feed.follow(self._feeds.begin(feed))

    @checked
    async def estimate(self, body_bytes: int, to: str) -> TimeEstimate:
        """Return how long a message would take."""
        check_size(body_bytes)
        self._check_registered()
        return self._outbox.estimate(body_bytes, to)

    @checked
    async def sent(self, *, after: int = 0, limit: int = 100) -> list[OutgoingMessage]:
        """Return outgoing messages."""
        return self._outbox.sent(after, limit)

    @checked
    async def message(self, message_id: MessageId) -> OutgoingMessage:
        """Return an outgoing message."""
        return self._outbox.message(message_id)

    @checked
    async def cancel(self, message_id: MessageId) -> OutgoingMessage:
        """Send nothing more of a message."""
        return self._outbox.cancel(message_id)

    @checked
    async def delete_outgoing(self, message_id: MessageId) -> None:
        """Forget an outgoing message that has ended."""
        self._outbox.delete(message_id)

    @checked
    async def delete(self, number: int) -> None:
        """Forget a received message."""
        check_number(number)
        reply_to = self._inbox.delete(number)
        self._network.forget_reply_blocks(reply_to)

    @checked
    async def mark_read(self, *, last: int, after: int = 0) -> None:
        """Count received messages as read."""
        self._inbox.mark_read(after=after, last=last)

    @checked
    async def inbox(self, *, after: int = 0, limit: int = 100) -> list[ReceivedMessage]:
        """Return received messages."""
        return [message for message in self._inbox.messages if message.number > after][:limit]

    async def contacts(self) -> list[Contact]:
        """Return all contacts by address."""
        return self._contacts.all()

    @checked
    async def add_contact(self, address: str) -> Contact:
        """Look up and pin a contact."""
        self._check_registered()
        check_address(address)
        await self._rest(self._network.delay_s)
        if self._network.problem or self._network.takes_loss():
            raise RequestTimeoutError(f"the key of {address} could not be looked up in time")
        return self._contacts.add(address)

    @checked
    async def accept_key(self, address: str, fingerprint: str) -> Contact:
        """Pin the changed key of a contact."""
        return self._contacts.accept(address, fingerprint)

    @checked
    async def remove_contact(self, address: str) -> None:
        """Forget a contact."""
        self._contacts.remove(address)

    @checked
    async def register(self, name: str, provider: str, *, invitation: str = "") -> str:
        """Open an account."""
        check_address(f"{name}@{provider}")
        if self.guest_at:
            raise BadRequestError(f"this client is a guest at {self.guest_at} already")
        self._network.open_account(self, name, provider, invitation)
        self.tell()
        return self.address

    @checked
    async def register_guest(self, provider: str = "", *, token: bytes = b"") -> str:
        """Open an account without a name."""
        if self.address:
            raise BadRequestError(f"this client has the account {self.address} already")
        if self.guest_at and provider not in ("", self.guest_at):
            raise BadRequestError(f"this client is a guest at {self.guest_at} already")
        if not self.guest_at:
            self.guest_at = self._network.admit_guest(provider, token)
            self.tell()
        return self.guest_at

    @checked
    async def fetch_tokens(
        self, issuer: str, purpose: str, count: int, *, credential: str = "", key: bytes = b""
    ) -> None:
        """Order blind tokens."""
        self._wallet.fetch(issuer, purpose, count, credential=credential, key=key)

    @checked
    async def take_token(self, purpose: str, *, idempotency_key: str = "") -> bytes:
        """Take a blind token."""
        return self._wallet.take(purpose, idempotency_key)

    async def tokens(self) -> list[TokenStock]:
        """Return how many blind tokens there are and are ordered."""
        return self._wallet.stock()

    async def network(self) -> NetworkView:
        """Return the providers of the network and their services."""
        return self._network.view()

    async def status(self) -> ClientStatus:
        """Return what the client is doing now; the streams are what they would be on average."""
        params, running_s = self._network.params, self._network.clock.seconds() - self._network.started_at_s
        queued = self._outbox.unfinished
        registered = bool(self.address or self.guest_at)

        def stream(rate_per_s: float) -> StreamStatus:
            return StreamStatus(rate_per_s=rate_per_s, sent=int(rate_per_s * running_s) if registered else 0)

        real_sent = self._outbox.fragments_sent
        payload = stream(params.payload_rate_per_s)
        loop = stream(params.loop_rate_per_s)
        return ClientStatus(
            address=self.address,
            registered=registered,
            connected=registered and not self._network.problem,
            epoch=int(self._network.clock.seconds()) // params.epoch_length_s,
            problem=self._network.problem or "" if registered else "not registered at a provider yet",
            queued_messages=len(queued),
            queued_fragments=sum(m.fragments - m.fragments_acknowledged for m in queued),
            unread=self._inbox.unread,
            payload=StreamStatus(rate_per_s=payload.rate_per_s, sent=max(payload.sent, real_sent)),
            loop=loop,
            drop=stream(params.drop_rate_per_s),
            real_sent=real_sent,
            loops_returned=loop.sent,
            loops_lost=0,
            loop_round_trip_mean_s=2 * self._network.delay_s,
            expected_delivery_s=self._network.delay_s,
            provider=self.guest_at or self.address.rpartition("@")[2],
            guest=bool(self.guest_at),
            fingerprint=self._network.fingerprint_of(self),
            time_agreed=self._network.is_time_agreed,
        )

    async def state_changes(self, *, after: int, limit: int) -> list[NumberedChange]:
        """Return state changes by number."""
        return [change for change in self._outbox.changes if change.number > after][:limit]

    async def progress(self, *, mark: int, limit: int) -> tuple[list[MessageProgress], int]:
        """Return the counts that changed since `mark`: here they change with the states, which mark is their number."""
        return self._outbox.progress(mark, limit)

    async def newest(self) -> Cursor:
        """Return the newest numbers."""
        return Cursor(self._inbox.newest, self._outbox.newest, self._requests.newest)

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` whenever there is news."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback) if callback in self._listeners else None

    # The methods below are for PostOffice.

    def tell(self) -> None:
        """Tell the listeners that there is news."""
        for listener in tuple(self._listeners):
            listener()

    def leave_all(self) -> None:
        """Send what is still queued."""
        self._outbox.leave_all()

    def stop(self) -> None:
        """Call no callback any more."""
        self._callbacks.stop()
        self._feeds.stop()

    def receive(self, message_id: MessageId, body: bytes, *, kind: str, sender: Member, anonymous: bool) -> None:
        """Put a message into the inbox, once."""
        self._inbox.add(
            message_id=message_id,
            body=body,
            kind=kind,
            sender=None if anonymous else self._shown_sender(sender),
            verified=self._trust(sender) if not anonymous else Verified.UNKNOWN,
            reply_to=self._network.hand_out_reply_blocks(sender) if anonymous else "",
            fingerprint="" if anonymous else self._network.fingerprint_of(sender),
        )
        self._offering.wake({kind})

    def _trust(self, sender: Member) -> Verified:
        contact = self._contact_of(sender)
        return contact.verified if contact is not None and self._is_pinned(sender) else Verified.UNKNOWN

    def _contact_of(self, sender: Member) -> Contact | None:
        name, _, provider = sender.address.partition("@")
        return self._contacts.find(sender.address) or self._contacts.reaching((name, provider))

    def _is_pinned(self, sender: Member) -> bool:
        contact = self._contact_of(sender)
        return contact is not None and contact.fingerprint == self._network.fingerprint_of(sender)

    def _shown_sender(self, sender: Member) -> str:
        """Return the address, but for somebody with another key than the contact of that address only the key."""
        contact = self._contact_of(sender)
        if contact is not None and not self._is_pinned(sender):
            return f"key:{self._network.fingerprint_of(sender)}"
        # By a name of its domain the gateway of all its names would be shown as one of their owners.
        is_name_of_its_own = contact is not None and not self._network.is_gateways(contact.address)
        return contact.address if contact is not None and is_name_of_its_own else sender.address

    def _check_registered(self) -> None:
        if not self.address and not self.guest_at:
            raise NotRegisteredError(NO_ACCOUNT)

    async def _answer(self, service: str, host: FakeService, body: bytes) -> bytes:
        await self._rest(self._network.delay_s)
        if self._network.problem or self._network.takes_loss():
            await Deferred()  # nothing comes back: the caller's time ends
        try:
            return await ask(host, draw_repetition_key(self._network.rng), body, clock=self._network.clock)
        except ServiceBrokenError as error:
            raise ServiceFailedError(f"{service} could not carry out the request") from error

    async def _rest(self, delay_s: float) -> None:
        rested: Deferred[None] = Deferred()
        call = self._network.later(delay_s, lambda: rested.callback(None))
        try:
            await await_on_twisted(rested, instead=INSTEAD)
        finally:
            if call.active():
                call.cancel()


def _raise_timeout(service: str, _: object, timeout_s: float) -> bytes:
    raise RequestTimeoutError(f"{service} did not answer within {timeout_s:g} s")
