"""The client of `client.testing`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from client._fake.contacts import FakeContacts
from client._fake.inbox import FakeInbox
from client._fake.member import Member
from client._fake.post import PostOffice
from client.api import (
    MAX_REQUEST_BYTES,
    ClientStatus,
    ConflictError,
    Contact,
    KeyChangedError,
    MessageId,
    MessageState,
    NotRegisteredError,
    OutgoingMessage,
    QueueFullError,
    ReceivedCallback,
    ReceivedMessage,
    RequestTimeoutError,
    ServiceFailedError,
    StateChange,
    StreamStatus,
    TooLongError,
    UnknownContactError,
    UnknownMessageError,
)
from client.core.arguments import REPLY_PREFIX, check_address, check_message
from client.core.journal import Cursor, NumberedChange
from loopixmix.keys import KEY_BYTES

_FRAGMENT_BYTES = 1500
_UNFINISHED = (MessageState.QUEUED, MessageState.SENDING, MessageState.RETRYING)


@dataclass
class _Outgoing:
    """A message on its way, with what is needed to send it again."""

    message: OutgoingMessage
    body: bytes
    anonymous: bool
    sealed_to: str


class FakeClient:
    """Implements `client.api.Client` and `JournalledClient` in memory; `FakeNetwork.client` makes one.

    `callback_failures` holds what callbacks given to `on_received` raised, for a test to look at.
    """

    def __init__(self, network: PostOffice, *, max_queued: int) -> None:
        """Join `network` without an account; at most `max_queued` messages wait to be sent."""
        self.address = ""
        self.identity = network.rng.randbytes(KEY_BYTES)
        self._network = network
        self._max_queued = max_queued
        self._outgoing: dict[MessageId, _Outgoing] = {}
        self._by_idempotency_key: dict[str, MessageId] = {}
        self._changes: list[NumberedChange] = []
        self._listeners: list[Callable[[], None]] = []
        self._contacts = FakeContacts(network)
        self._inbox = FakeInbox(network, self.tell)

    @property
    def callback_failures(self) -> list[Failure]:
        """The errors that callbacks raised so far, oldest first."""
        return self._inbox.failures

    async def send(
        self, to: str, body: bytes, *, kind: str, idempotency_key: str, anonymous: bool = False
    ) -> MessageId:
        """Queue a message."""
        check_message(body, kind, idempotency_key)
        self._check_registered()
        earlier = self._by_idempotency_key.get(idempotency_key)
        if earlier is not None:
            self._check_same(self._outgoing[earlier], to, body, kind, anonymous)
            return earlier
        fragments = 1 + len(body) // _FRAGMENT_BYTES
        sealed_to = self._key_of(to, fragments)
        if sum(o.message.state in _UNFINISHED for o in self._outgoing.values()) >= self._max_queued:
            raise QueueFullError(f"{self._max_queued} messages wait to be sent")
        message = OutgoingMessage(
            message_id=self._network.rng.randbytes(16).hex(),
            to=to,
            kind=kind,
            length_bytes=len(body),
            state=MessageState.QUEUED,
            fragments=fragments,
            fragments_sent=0,
            fragments_acknowledged=0,
            history=(),
        )
        self._outgoing[message.message_id] = _Outgoing(message, body, anonymous, sealed_to)
        self._by_idempotency_key[idempotency_key] = message.message_id
        self._step(message.message_id, MessageState.QUEUED)
        self._network.later(self._network.delay_s / 2, lambda: self._leave(message.message_id))
        return message.message_id

    async def request(self, service: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask a service."""
        self._check_registered()
        if len(body) > MAX_REQUEST_BYTES:
            raise TooLongError(f"a request has at most {MAX_REQUEST_BYTES} bytes, not {len(body)}")
        host = self._network.service(service)
        await self._rest(min(timeout_s, self._network.delay_s))
        if self._network.problem or timeout_s <= self._network.delay_s or self._network.takes_loss():
            await self._rest(max(0.0, timeout_s - self._network.delay_s))
            raise RequestTimeoutError(f"{service} did not answer within {timeout_s:g} s")
        try:
            return await host.answer(body)
        except Exception as error:  # as at a provider: a service may fail in any way, and the reason is not told
            raise ServiceFailedError(f"{service} could not carry out the request") from error

    def on_received(self, kind: str, callback: ReceivedCallback) -> Callable[[], None]:
        """Call `callback` for each message of `kind`."""
        return self._inbox.subscribe(kind, callback)

    async def message(self, message_id: MessageId) -> OutgoingMessage:
        """Return an outgoing message."""
        if message_id not in self._outgoing:
            raise UnknownMessageError(f"there is no message {message_id}")
        return self._outgoing[message_id].message

    async def inbox(self, *, after: int = 0, limit: int = 100) -> list[ReceivedMessage]:
        """Return received messages."""
        return self._inbox.messages[after:][:limit]

    async def contacts(self) -> list[Contact]:
        """Return all contacts by address."""
        return self._contacts.all()

    async def add_contact(self, address: str) -> Contact:
        """Look up and pin a contact."""
        self._check_registered()
        check_address(address)
        await self._rest(self._network.delay_s)
        if self._network.problem or self._network.takes_loss():
            raise RequestTimeoutError(f"the key of {address} could not be looked up in time")
        return self._contacts.add(address)

    async def accept_key(self, address: str, fingerprint: str) -> Contact:
        """Pin the changed key of a contact."""
        return self._contacts.accept(address, fingerprint)

    async def remove_contact(self, address: str) -> None:
        """Forget a contact."""
        self._contacts.remove(address)

    async def register(self, name: str, provider: str, *, invitation: str = "") -> str:
        """Open an account."""
        check_address(f"{name}@{provider}")
        self._network.open_account(self, name, provider, invitation)
        self.tell()
        return self.address

    async def status(self) -> ClientStatus:
        """Return what the client is doing now; the streams are what they would be on average."""
        params, running_s = self._network.params, self._network.clock.seconds() - self._network.started_at_s
        queued = [o.message for o in self._outgoing.values() if o.message.state in _UNFINISHED]
        registered = bool(self.address)

        def stream(rate_per_s: float) -> StreamStatus:
            return StreamStatus(rate_per_s=rate_per_s, sent=int(rate_per_s * running_s) if registered else 0)

        real_sent = sum(o.message.fragments_sent for o in self._outgoing.values())
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
            unread=self._inbox.unhandled,
            payload=StreamStatus(rate_per_s=payload.rate_per_s, sent=max(payload.sent, real_sent)),
            loop=loop,
            drop=stream(params.drop_rate_per_s),
            real_sent=real_sent,
            loops_returned=loop.sent,
            loops_lost=0,
            loop_round_trip_mean_s=2 * self._network.delay_s,
            expected_delivery_s=self._network.delay_s,
        )

    async def state_changes(self, *, after: int, limit: int) -> list[NumberedChange]:
        """Return state changes by number."""
        return self._changes[after:][:limit]

    async def newest(self) -> Cursor:
        """Return the newest numbers."""
        return Cursor(len(self._inbox.messages), len(self._changes))

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
        for message_id, outgoing in tuple(self._outgoing.items()):
            if outgoing.message.state is MessageState.QUEUED:
                self._leave(message_id)

    def receive(self, message_id: MessageId, body: bytes, *, kind: str, sender: Member, anonymous: bool) -> None:
        """Put a message into the inbox, once."""
        self._inbox.add(
            message_id=message_id,
            body=body,
            kind=kind,
            sender=None if anonymous else self._shown_sender(sender),
            verified=not anonymous and self._is_pinned(sender),
            reply_to=self._network.hand_out_reply_blocks(sender) if anonymous else "",
        )

    def _is_pinned(self, sender: Member) -> bool:
        contact = self._contacts.find(sender.address)
        return contact is not None and contact.fingerprint == self._network.fingerprint_of(sender)

    def _shown_sender(self, sender: Member) -> str:
        """Return the address, but for somebody with another key than the contact of that address only the key."""
        if self._contacts.find(sender.address) is None or self._is_pinned(sender):
            return sender.address
        return f"key:{self._network.fingerprint_of(sender)}"

    def _check_registered(self) -> None:
        if not self.address:
            raise NotRegisteredError("this client has no account yet: register first")

    def _check_same(self, earlier: _Outgoing, to: str, body: bytes, kind: str, anonymous: bool) -> None:
        message = earlier.message
        if (message.to, earlier.body, message.kind, earlier.anonymous) != (to, body, kind, anonymous):
            raise ConflictError("that idempotency key was used for a different message")

    def _key_of(self, to: str, fragments: int) -> str:
        if to.startswith(REPLY_PREFIX):
            self._network.use_reply_blocks(to, fragments)
            return ""
        contact = self._contacts.find(to)
        if contact is None:
            raise UnknownContactError(f"there is no contact {to}; add it first")
        if contact.changed_fingerprint:
            raise KeyChangedError(f"the key of {to} changed: compare fingerprints and accept it first")
        return contact.fingerprint

    def _leave(self, message_id: MessageId) -> None:
        if self._network.problem or self._outgoing[message_id].message.state is not MessageState.QUEUED:
            return
        self._step(message_id, MessageState.SENDING)
        self._network.later(self._network.delay_s / 2, lambda: self._arrive(message_id, attempt=1))

    def _arrive(self, message_id: MessageId, *, attempt: int) -> None:
        if self._network.takes_failure():
            self._step(message_id, MessageState.FAILED, "given up")
        elif self._network.problem or self._network.takes_loss():
            self._step(message_id, MessageState.RETRYING, f"attempt {attempt + 1}")
            self._network.later(2 * self._network.delay_s, lambda: self._arrive(message_id, attempt=attempt + 1))
        else:
            self._deliver(message_id)

    def _deliver(self, message_id: MessageId) -> None:
        outgoing = self._outgoing[message_id]
        recipient = self._network.owner_of(outgoing.message.to)
        opens = recipient is not None and outgoing.sealed_to in ("", self._network.fingerprint_of(recipient))
        self._step(message_id, MessageState.STORED)
        if recipient is None or not opens:
            return
        recipient.receive(
            message_id, outgoing.body, kind=outgoing.message.kind, sender=self, anonymous=outgoing.anonymous
        )
        if self._network.receipts and not outgoing.anonymous:
            self._network.later(self._network.delay_s, lambda: self._step(message_id, MessageState.RECEIVED))

    def _step(self, message_id: MessageId, state: MessageState, detail: str = "") -> None:
        outgoing = self._outgoing[message_id]
        message, now_s = outgoing.message, self._network.clock.seconds()
        sent = 0 if state is MessageState.QUEUED else message.fragments
        stored = state in (MessageState.STORED, MessageState.RECEIVED)
        outgoing.message = msgspec.structs.replace(
            message,
            state=state,
            fragments_sent=sent,
            fragments_acknowledged=message.fragments if stored else 0,
            history=(*message.history, StateChange(at_s=now_s, state=state, detail=detail)),
        )
        change = NumberedChange(
            number=len(self._changes) + 1,
            message_id=message_id,
            to=message.to,
            kind=message.kind,
            at_s=now_s,
            state=state,
            detail=detail,
        )
        self._changes.append(change)
        self.tell()

    async def _rest(self, delay_s: float) -> None:
        rested: Deferred[None] = Deferred()
        self._network.later(delay_s, lambda: rested.callback(None))
        await rested
