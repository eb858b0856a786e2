"""The client: `client.api.Client` over a real network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred

from client.api import (
    AnswerCallback,
    CallbackFailure,
    ClientStatus,
    Contact,
    Following,
    Letter,
    MessageId,
    MessageProgress,
    NamedReader,
    NetworkView,
    NumberedChange,
    OutgoingMessage,
    PostedRequest,
    ProgressCallback,
    ReceivedCallback,
    ReceivedMessage,
    RequestId,
    TimeEstimate,
    TokenStock,
)
from client.asking.desk import Desk
from client.asking.services import Services
from client.core.arguments import USUAL_SHARE_S, check_body, checked
from client.core.journal import Cursor, MessageShare
from client.feeds.failures import CallbackFailures
from client.receiving.callbacks import Callbacks
from client.receiving.journal import Journal
from client.running.board import StatusBoard
from client.running.life import Life
from client.sending.dispatch import Dispatch
from loopixmix.directory import Document
from loopixmix.tokens import encode_token


class ClientService:
    """One user's client: implements `client.api.Client` and `client.core.journal.JournalledClient`."""

    def __init__(
        self,
        *,
        life: Life,
        dispatch: Dispatch,
        desk: Desk,
        services: Services,
        callbacks: Callbacks,
        journal: Journal,
        board: StatusBoard,
        failures: CallbackFailures,
    ) -> None:
        """Answer applications with these parts; `client.running.wiring.build_client` makes them.

        `life`: what goes on by itself; `dispatch`: messages to send; `desk`: what hosted services are asked;
        `services`: what they are asked for later; `callbacks`: who handles received messages; `journal`: the history;
        `board`: the status; `failures`: what callbacks raised.
        """
        self._life = life
        self._dispatch = dispatch
        self._desk = desk
        self._services = services
        self._callbacks = callbacks
        self._journal = journal
        self._board = board
        self._failures = failures

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped since."""
        return self._life.is_running

    @property
    def callback_failures(self) -> Sequence[CallbackFailure]:
        """What callbacks raised; see `client.api.Client.callback_failures`."""
        return self._failures.newest

    def start(self) -> None:
        """Read the store, then begin to send and receive."""
        self._life.start()

    async def stop(self) -> None:
        """Stop sending and finish writing; when this returns no delayed call is left, and the store may be closed."""
        await self._life.stop()

    def adopt(self, document: Document) -> None:
        """Go on with a new network document, which was verified."""
        self._life.adopt(document)

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
        """Queue `body` for `to` and return once it is durably stored; see `client.api.Client.send`."""
        await self._life.ready()
        letter = Letter(
            to=to,
            kind=kind,
            body=body,
            idempotency_key=idempotency_key,
            anonymous=anonymous,
            not_before_s=not_before_s,
            deadline_s=deadline_s,
        )
        return await self._dispatch.send(letter)

    @checked
    async def send_many(self, letters: Sequence[Letter]) -> list[MessageId]:
        """Queue messages, all or none; see `client.api.Client.send_many`."""
        await self._life.ready()
        return await self._dispatch.send_many(letters)

    @checked
    async def request(self, service: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask a service anonymously; see `client.api.Client.request`."""
        check_body(body)
        await self._life.enrolled()
        return await self._desk.requests.ask(service, body, timeout_s=timeout_s)

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
        """Queue an anonymous request and return once it is durably stored; see `client.api.Client.post_request`."""
        await self._life.ready()
        return await self._services.posted.post(
            service, body, idempotency_key=idempotency_key, not_before_s=not_before_s, deadline_s=deadline_s
        )

    @checked
    async def answer(self, request_id: RequestId) -> PostedRequest:
        """Return a posted request; see `client.api.Client.answer`."""
        await self._life.ready()
        return await self._services.posted.answer(request_id)

    @checked
    async def cancel_request(self, request_id: RequestId) -> PostedRequest:
        """Send nothing more of a posted request; see `client.api.Client.cancel_request`."""
        await self._life.ready()
        return await self._services.posted.cancel(request_id)

    @checked
    async def forget_request(self, request_id: RequestId) -> None:
        """Forget a posted request that has ended; see `client.api.Client.forget_request`."""
        await self._life.ready()
        await self._services.posted.forget(request_id)

    def on_answer(self, callback: AnswerCallback, *, after: int = 0) -> Following:
        """Call `callback` for each posted request that has ended; see `client.api.Client.on_answer`."""
        return self._services.on_answer(self, callback, after=after)

    async def ended_requests(self, *, after: int, limit: int) -> list[PostedRequest]:
        """Return posted requests that have ended; see `JournalledClient.ended_requests`."""
        await self._life.ready()
        return await self._services.posted.ended(after=after, limit=limit)

    @checked
    async def estimate_request(self, request_bytes: int, answer_bytes: int) -> TimeEstimate:
        """Return how long a request would take; see `client.api.Client.estimate_request`."""
        await self._life.ready()
        return self._services.estimate(request_bytes, answer_bytes)

    def on_received(
        self, kind: str, callback: ReceivedCallback, *, reader: str = "", within_s: float = USUAL_SHARE_S
    ) -> Callable[[], None]:
        """Offer messages to `callback`; see `client.api.Client.on_received`."""
        return self._callbacks.subscribe(kind, callback, reader=reader, within_s=within_s)

    async def readers(self) -> list[NamedReader]:
        """Return the readers that have a name; see `client.api.Client.readers`."""
        await self._life.ready()
        return await self._callbacks.offering.readers()

    @checked
    async def remove_reader(self, name: str, kind: str) -> None:
        """Forget a reader with a name; see `client.api.Client.remove_reader`."""
        await self._life.ready()
        await self._callbacks.offering.remove(name, kind)

    def share(self, kind: str, *, reader: str, at_once: int, within_s: float, wake: Callable[[], None]) -> MessageShare:
        """Let a program handle messages; see `JournalledClient.share`."""
        return self._callbacks.offering.join(kind, reader=reader, at_once=at_once, within_s=within_s, wake=wake)

    def on_progress(self, callback: ProgressCallback, *, after: int | None = None) -> Following:
        """Tell what happens to outgoing messages; see `client.api.Client.on_progress`."""
        return self._journal.on_progress(callback, after)

    @checked
    async def estimate(self, body_bytes: int, to: str) -> TimeEstimate:
        """Return how long a message would take; see `client.api.Client.estimate`."""
        await self._life.ready()
        return await self._dispatch.estimate(body_bytes, to)

    @checked
    async def sent(self, *, after: int = 0, limit: int = 100) -> list[OutgoingMessage]:
        """Return outgoing messages; see `client.api.Client.sent`."""
        await self._life.ready()
        return await self._dispatch.sent(after=after, limit=limit)

    @checked
    async def message(self, message_id: MessageId) -> OutgoingMessage:
        """Return an outgoing message; see `client.api.Client.message`."""
        await self._life.ready()
        return await self._dispatch.message(message_id)

    @checked
    async def cancel(self, message_id: MessageId) -> OutgoingMessage:
        """Send nothing more of a message; see `client.api.Client.cancel`."""
        await self._life.ready()
        return await self._dispatch.cancel(message_id)

    @checked
    async def delete_outgoing(self, message_id: MessageId) -> None:
        """Forget an outgoing message that has ended; see `client.api.Client.delete_outgoing`."""
        await self._life.ready()
        await self._dispatch.delete(message_id)

    @checked
    async def delete(self, number: int) -> None:
        """Forget a received message; see `client.api.Client.delete`."""
        await self._life.ready()
        await self._journal.delete(number)

    @checked
    async def mark_read(self, *, last: int, after: int = 0) -> None:
        """Count received messages as read; see `client.api.Client.mark_read`."""
        await self._life.ready()
        await self._journal.mark_read(after=after, last=last)

    @checked
    async def inbox(self, *, after: int = 0, limit: int = 100) -> list[ReceivedMessage]:
        """Return received messages; see `client.api.Client.inbox`. Fewer than `limit` come if they are long."""
        await self._life.ready()
        return await self._journal.received(after=after, limit=limit)

    async def contacts(self) -> list[Contact]:
        """Return all contacts; see `client.api.Client.contacts`."""
        await self._life.ready()
        return await self._desk.contacts.every()

    @checked
    async def add_contact(self, address: str) -> Contact:
        """Look up and pin a contact; see `client.api.Client.add_contact`."""
        await self._life.enrolled()
        return await self._desk.contacts.add(address)

    @checked
    async def accept_key(self, address: str, fingerprint: str) -> Contact:
        """Pin a changed key; see `client.api.Client.accept_key`."""
        await self._life.ready()
        return await self._desk.contacts.accept(address, fingerprint)

    @checked
    async def remove_contact(self, address: str) -> None:
        """Forget a contact; see `client.api.Client.remove_contact`."""
        await self._life.ready()
        await self._desk.contacts.remove(address)

    @checked
    async def register(self, name: str, provider: str, *, invitation: str = "") -> str:
        """Open an account; see `client.api.Client.register`."""
        await self._life.ready()
        account = await self._desk.enrolment.register(name, provider, invitation)
        self._life.on_registered()
        return account.address

    @checked
    async def register_guest(self, provider: str = "", *, token: bytes = b"") -> str:
        """Open an account without a name; see `client.api.Client.register_guest`."""
        await self._life.ready()
        account = await self._desk.enrolment.register_guest(provider, token)
        self._life.on_registered()
        return account.provider_name

    @checked
    async def fetch_tokens(
        self, issuer: str, purpose: str, count: int, *, credential: str = "", key: bytes = b""
    ) -> None:
        """Order blind tokens; see `client.api.Client.fetch_tokens`."""
        await self._life.ready()
        await self._desk.wallet.fetch(issuer, purpose, count, credential=credential, key=key)

    @checked
    async def take_token(self, purpose: str, *, idempotency_key: str = "") -> bytes:
        """Take a blind token; see `client.api.Client.take_token`."""
        await self._life.ready()
        return encode_token(await self._desk.wallet.take(purpose, key=idempotency_key))

    async def tokens(self) -> list[TokenStock]:
        """Return how many blind tokens there are and are ordered; see `client.api.Client.tokens`."""
        await self._life.ready()
        return await self._desk.wallet.stock()

    async def network(self) -> NetworkView:
        """Return the providers of the network and their services; see `client.api.Client.network`."""
        await self._life.ready()
        return await self._board.network()

    async def status(self) -> ClientStatus:
        """Return what the client is doing now; a store that does not answer is told, and not waited for."""
        is_ready = await self._journal.in_time(Deferred.fromCoroutine(self._life.ready()))
        unread = await self._journal.unread() if is_ready else 0
        return self._board.status(unread=unread)

    async def state_changes(self, *, after: int, limit: int) -> list[NumberedChange]:
        """Return state changes by their number; see `JournalledClient.state_changes`."""
        await self._life.ready()
        return await self._journal.state_changes(after=after, limit=limit)

    async def progress(self, *, mark: int, limit: int) -> tuple[list[MessageProgress], int]:
        """Return the counts that changed since `mark`; see `JournalledClient.progress`."""
        await self._life.ready()
        return await self._journal.progress(mark=mark, limit=limit)

    async def newest(self) -> Cursor:
        """Return the newest numbers; see `JournalledClient.newest`."""
        await self._life.ready()
        return await self._journal.newest()

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback`, which is quick, after there is news; see `JournalledClient.on_change`."""
        return self._journal.on_change(callback)
