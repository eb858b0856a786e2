"""All that a client over HTTP does but for making the calls: for Twisted and asyncio alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, TypeVar

from client.api import (
    AnswerCallback,
    BusyError,
    CallbackFailure,
    ClientStatus,
    Contact,
    Following,
    Letter,
    MessageId,
    MessageProgress,
    NamedReader,
    NetworkView,
    NotRunningError,
    NumberedChange,
    OutgoingMessage,
    PostedRequest,
    ProgressCallback,
    ReceivedCallback,
    ReceivedMessage,
    RequestId,
    TimeEstimate,
    TokenStock,
    UnknownMessageError,
)
from client.core.arguments import USUAL_SHARE_S, check_after, check_step, check_text, checked
from client.feeds.failures import CallbackFailures
from client.feeds.listener import Listener
from client.http.calling import call
from client.http.calling.call import Call, Query
from client.http.calling.follower import Refused, Take, Where, log_refusal
from client.http.calling.reader import RemoteReader
from client.http.cursors import decode_cursor, encode_cursor
from client.http.messages import CHANGED, OUTGOING, PROGRESS, Event, PageLink, Received, decode_answer, decode_event
from client.http.sse import SseEvent

T = TypeVar("T")
V = TypeVar("V")

EventCallback: TypeAlias = Callable[[Event], Awaitable[None] | None]


class CallingClient(ABC):
    """Implements `client.api.Client` by calls; every call may raise three errors besides its own.

    `NotRunningError`: there is a client, and no daemon answers. `NoClientError`: there is no client in that directory.
    `BusyError`: the daemon serves as many calls as it can, after some attempts still.

    Which received messages were handled is kept by the daemon, with the messages: a program needs no store of its own.
    A message comes again if the program ended between handling it and saying so.
    """

    def __init__(self, failures: CallbackFailures) -> None:
        """Let `failures` hear what callbacks raise."""
        self._failures = failures

    @property
    def callback_failures(self) -> Sequence[CallbackFailure]:
        """The newest errors that callbacks of this object raised, or that ended them, oldest first."""
        return self._failures.newest

    @abstractmethod
    async def ask(self, made: Call[T]) -> T:
        """Make a call and return its answer.

        Raises the daemon's error in its own class, `NotRunningError` if there is no answer.
        """

    @abstractmethod
    def follow(self, path: str, query: Query | Where, take: Take, *, refused: Refused = log_refusal) -> Following:
        """Give the events of a stream to `take`, through restarts of the daemon; returns how to stop.

        `query`: what is asked for, or what asks for that once the daemon runs. `refused`: hears why no more are given,
        if the daemon refuses what is asked for.
        """

    async def is_running(self) -> bool:
        """Tell whether the daemon answers, even if it is busy; raise `NoClientError` if there is no client."""
        try:
            await self.status()
        except NotRunningError:
            return False
        except BusyError:
            return True
        return True

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
        """Queue a message in the daemon; returns once it is stored durably there."""
        letter = Letter(
            to=to,
            body=body,
            kind=kind,
            idempotency_key=idempotency_key,
            anonymous=anonymous,
            not_before_s=not_before_s,
            deadline_s=deadline_s,
        )
        return await self.ask(call.send(letter))

    @checked
    async def send_many(self, letters: Sequence[Letter]) -> list[MessageId]:
        """Queue several messages in the daemon, all or none."""
        return await self.ask(call.send_many(letters))

    @checked
    async def request(self, service: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask a service through the daemon."""
        return await self.ask(call.request(service, body, timeout_s=timeout_s))

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
        """Queue a request in the daemon; returns once it is stored durably there."""
        made = call.post_request(
            service, body, idempotency_key=idempotency_key, not_before_s=not_before_s, deadline_s=deadline_s
        )
        return await self.ask(made)

    @checked
    async def answer(self, request_id: RequestId) -> PostedRequest:
        """Return a posted request with its answer, if there is one."""
        return await self.ask(call.answer(request_id))

    @checked
    async def cancel_request(self, request_id: RequestId) -> PostedRequest:
        """Send nothing more of a posted request."""
        return await self.ask(call.cancel_request(request_id))

    @checked
    async def forget_request(self, request_id: RequestId) -> None:
        """Forget a posted request that has ended."""
        await self.ask(call.forget_request(request_id))

    def on_answer(self, callback: AnswerCallback, *, after: int = 0) -> Following:
        """Call `callback` for each posted request that has ended, whenever the daemon runs."""
        check_after(after)

        listener = self._listener("on_answer", callback)

        async def take(event: SseEvent) -> bool:
            return await listener.tell(decode_answer(event.data, PostedRequest))

        return self.follow("/v1/answers", {"after": str(after)}, take, refused=listener.refused)

    @checked
    async def estimate_request(self, request_bytes: int, answer_bytes: int) -> TimeEstimate:
        """Return how long a request would take."""
        return await self.ask(call.estimate_request(request_bytes, answer_bytes))

    def on_received(
        self, kind: str, callback: ReceivedCallback, *, reader: str = "", within_s: float = USUAL_SHARE_S
    ) -> Callable[[], None]:
        """Call `callback` for each message of `kind`, whenever the daemon runs."""
        query = call.share_query(kind, reader=reader, within_s=within_s)
        listener = self._listener("on_received", callback)
        return self.follow("/v1/received", query, RemoteReader(self, listener).take, refused=listener.refused)

    async def readers(self) -> list[NamedReader]:
        """Return the readers that have a name."""
        return await self.ask(call.readers())

    @checked
    async def remove_reader(self, name: str, kind: str) -> None:
        """Forget a reader with a name."""
        await self.ask(call.remove_reader(name, kind))

    async def newest_event(self) -> str:
        """Return the id of the newest event: with it as `after`, `on_event` tells what comes from now on."""
        return encode_cursor(await self.ask(call.newest()))

    def on_event(self, callback: EventCallback, *, after: str = "") -> Following:
        """Call `callback` for each event after the one with the id `after`, or only for those to come.

        An event is a received message, a step of an outgoing message, or the client's status. Returns how to stop; it
        may be awaited to know that it has begun, which raises `BadRequestError` if there was no event `after` yet;
        `callback_failures` says so, too. Raises `BadRequestError` if `after` has not the form of an id.
        """
        check_text("after", after)
        if after:
            decode_cursor(after)
        listener = self._listener("on_event", callback)

        async def take(event: SseEvent) -> bool:
            await listener.tell(decode_event(event.event, event.data))
            return True

        async def newest() -> Query:
            return {"after": await self.newest_event()}

        # Asked for first: without a place to begin at, what happens before the first event would be missed, if the
        # daemon is started again meanwhile.
        return self.follow("/v1/events", {"after": after} if after else newest, take, refused=listener.refused)

    def on_progress(self, callback: ProgressCallback, *, after: int | None = None) -> Following:
        """Tell what happens to outgoing messages."""
        if after is not None:
            check_after(after)
        listener = self._listener("on_progress", callback)

        async def take(event: SseEvent) -> bool:
            if event.event == CHANGED:
                await listener.tell(decode_answer(event.data, NumberedChange))
            elif event.event == PROGRESS:
                await listener.tell(decode_answer(event.data, MessageProgress))
            return True

        async def place() -> Query:
            step = check_step(after, (await self.ask(call.newest())).changes)
            return {"after": f"0-{step}", "about": OUTGOING}

        return self.follow("/v1/events", place, take, refused=listener.refused)

    @checked
    async def estimate(self, body_bytes: int, to: str) -> TimeEstimate:
        """Return how long a message would take."""
        return await self.ask(call.estimate(body_bytes, to))

    @checked
    async def sent(self, *, after: int = 0, limit: int = 100) -> list[OutgoingMessage]:
        """Return outgoing messages."""
        messages: list[OutgoingMessage] = []
        while len(messages) < limit:
            page = await self.ask(call.sent_page(after=after, limit=limit - len(messages)))
            if not page:
                break
            after = page[-1].number
            messages.extend(page)
        return messages

    @checked
    async def message(self, message_id: MessageId) -> OutgoingMessage:
        """Return an outgoing message."""
        return await self.ask(call.message(message_id))

    @checked
    async def cancel(self, message_id: MessageId) -> OutgoingMessage:
        """Send nothing more of a message."""
        return await self.ask(call.cancel(message_id))

    @checked
    async def delete_outgoing(self, message_id: MessageId) -> None:
        """Forget an outgoing message that has ended."""
        await self.ask(call.delete_outgoing(message_id))

    @checked
    async def delete(self, number: int) -> None:
        """Forget a received message."""
        await self.ask(call.delete(number))

    @checked
    async def mark_read(self, *, last: int, after: int = 0) -> None:
        """Count received messages as read."""
        await self.ask(call.mark_read(after=after, last=last))

    @checked
    async def inbox(self, *, after: int = 0, limit: int = 100) -> list[ReceivedMessage]:
        """Return received messages."""
        messages: list[ReceivedMessage] = []
        while len(messages) < limit:
            # Page by page: the daemon gives fewer than asked for if the messages are long.
            page = await self.ask(call.inbox_page(after=after, limit=limit - len(messages)))
            if not page:
                break
            after = page[-1].number
            for received in page:
                try:
                    messages.append(await self._with_body(received))
                except UnknownMessageError:
                    # It was deleted after it was listed.
                    continue
        return messages

    async def contacts(self) -> list[Contact]:
        """Return all contacts."""
        return await self.ask(call.contacts())

    @checked
    async def add_contact(self, address: str) -> Contact:
        """Look up and pin a contact."""
        return await self.ask(call.add_contact(address))

    @checked
    async def accept_key(self, address: str, fingerprint: str) -> Contact:
        """Pin the changed key of a contact."""
        return await self.ask(call.accept_key(address, fingerprint))

    @checked
    async def remove_contact(self, address: str) -> None:
        """Forget a contact."""
        await self.ask(call.remove_contact(address))

    @checked
    async def register(self, name: str, provider: str, *, invitation: str = "") -> str:
        """Open an account."""
        return await self.ask(call.register(name, provider, invitation))

    @checked
    async def register_guest(self, provider: str = "", *, token: bytes = b"") -> str:
        """Open an account without a name."""
        return await self.ask(call.register_guest(provider, token))

    @checked
    async def fetch_tokens(
        self, issuer: str, purpose: str, count: int, *, credential: str = "", key: bytes = b""
    ) -> None:
        """Order blind tokens."""
        await self.ask(call.fetch_tokens(issuer, purpose, count, credential=credential, key=key))

    @checked
    async def take_token(self, purpose: str, *, idempotency_key: str = "") -> bytes:
        """Take a blind token."""
        return await self.ask(call.take_token(purpose, idempotency_key))

    async def tokens(self) -> list[TokenStock]:
        """Return how many blind tokens there are and are ordered."""
        return await self.ask(call.tokens())

    async def network(self) -> NetworkView:
        """Return the providers of the network and their services."""
        return await self.ask(call.network())

    async def pages(self) -> list[str]:
        """Return the names of the pages that packages installed beside the daemon offer."""
        return await self.ask(call.pages())

    @checked
    async def page_link(self, name: str) -> PageLink:
        """Return a link that opens pages in a browser, once; raises `BadRequestError` if they are not installed."""
        return await self.ask(call.page_link(name))

    async def status(self) -> ClientStatus:
        """Return what the client is doing now."""
        return await self.ask(call.status())

    def _listener(self, door: str, callback: Callable[[V], Awaitable[None] | None]) -> Listener[V]:
        return Listener(door, callback, failures=self._failures)

    async def _with_body(self, received: Received) -> ReceivedMessage:
        if received.body is not None:
            return received.with_body(received.body)
        return received.with_body(await self.ask(call.received_body(received.number)))
