"""The client as other processes use it: `client.api.Client` over the daemon's local HTTP API."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from treq.client import HTTPClient

from client.api import (
    MAX_BODY_BYTES,
    ClientStatus,
    Contact,
    MessageId,
    NetworkView,
    OutgoingMessage,
    ReceivedCallback,
    ReceivedMessage,
    TooLongError,
    UnknownMessageError,
)
from client.core.arguments import check_body, check_number
from client.http.calling.caller import ANSWER_TIMEOUT_S, Caller, FindEndpoint
from client.http.calling.follower import Follower
from client.http.calling.reader import RemoteReader
from client.http.endpoint import find_endpoint
from client.http.messages import (
    MAX_PAGE,
    AcceptBody,
    AccountBody,
    Admitted,
    ContactBody,
    Event,
    GuestBody,
    OfferedPages,
    PageLink,
    Received,
    Registered,
    Sent,
    decode_answer,
    decode_event,
)
from client.http.sse import SseEvent
from loopixmix.seams import Clock, Rng
from loopixmix.web.calls import one_shot_client

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

_MESSAGE_ID = re.compile(r"[0-9a-f]{32}")


def remote_client(directory: Path, *, reactor: ReactorBase, rng: Rng) -> RemoteClient:
    """Return the client whose daemon runs in `directory` (`loopixmix client run DIRECTORY`).

    The daemon may start later, stop and come back: each call finds it anew.
    """
    http, find = one_shot_client(reactor), partial(find_endpoint, directory)
    return RemoteClient(http=http, find_endpoint=find, clock=cast(Clock, reactor), rng=rng)


class RemoteClient:
    """Implements `client.api.Client` by calls of a daemon; every call may raise `NotRunningError` besides its own.

    Which received messages were handled is kept by the daemon, with the messages: a program needs no store of its own.
    A message comes again if the program ended between handling it and saying so.
    """

    def __init__(self, *, http: HTTPClient, find_endpoint: FindEndpoint, clock: Clock, rng: Rng) -> None:
        """Use `remote_client`, or build the parts for a test."""
        self._caller = Caller(http=http, find_endpoint=find_endpoint, clock=clock)
        self._clock = clock
        self._rng = rng
        self._followers: list[Follower] = []

    def close(self) -> None:
        """Stop all callbacks; no delayed call is left."""
        for follower in tuple(self._followers):
            self._stop(follower)

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
        check_body(body)
        if len(body) > MAX_BODY_BYTES:
            raise TooLongError(f"a message has at most {MAX_BODY_BYTES} bytes, not {len(body)}")
        query = {"to": to, "kind": kind, "idempotency_key": idempotency_key, "anonymous": _flag(anonymous)}
        times = {"not_before_s": not_before_s, "deadline_s": deadline_s}
        query |= {name: repr(float(at_s)) for name, at_s in times.items() if at_s is not None}
        answer = await self._caller.call("POST", "/v1/messages", query=query, octets=body)
        return decode_answer(answer, Sent).message_id

    async def request(self, service: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask a service through the daemon."""
        check_body(body)
        query = {"service": service, "timeout_s": repr(timeout_s)}
        # The daemon itself ends the request in time; it is given a while longer to say so.
        longest_s = ANSWER_TIMEOUT_S + timeout_s
        return await self._caller.call("POST", "/v1/requests", query=query, octets=body, timeout_s=longest_s)

    def on_received(self, kind: str, callback: ReceivedCallback) -> Callable[[], None]:
        """Call `callback` for each message of `kind`, whenever the daemon runs."""
        reader = RemoteReader(self._caller, callback)
        return self._follow("/v1/received", {"kind": kind}, reader.take)

    def on_event(self, callback: Callable[[Event], None], *, after: str = "") -> Callable[[], None]:
        """Call `callback` for each event after the one with the id `after`, or only for those to come.

        An event is a received message, a step of an outgoing message, or the client's status. Returns how to stop.
        """

        async def take(event: SseEvent) -> None:
            callback(decode_event(event.event, event.data))

        return self._follow("/v1/events", {"after": after} if after else {}, take)

    async def message(self, message_id: MessageId) -> OutgoingMessage:
        """Return an outgoing message."""
        return decode_answer(await self._caller.call("GET", _place_of(message_id)), OutgoingMessage)

    async def cancel(self, message_id: MessageId) -> OutgoingMessage:
        """Send nothing more of a message."""
        return decode_answer(await self._caller.call("POST", f"{_place_of(message_id)}/cancel"), OutgoingMessage)

    async def delete_outgoing(self, message_id: MessageId) -> None:
        """Forget an outgoing message that has ended."""
        await self._caller.call("DELETE", _place_of(message_id))

    async def delete(self, number: int) -> None:
        """Forget a received message."""
        check_number(number)
        await self._caller.call("DELETE", f"/v1/inbox/{number}")

    async def inbox(self, *, after: int = 0, limit: int = 100) -> list[ReceivedMessage]:
        """Return received messages."""
        messages: list[ReceivedMessage] = []
        while len(messages) < limit:
            query = {"after": str(after), "limit": str(min(MAX_PAGE, limit - len(messages)))}
            # Page by page: the daemon gives fewer than asked for if the messages are long.
            page = decode_answer(await self._caller.call("GET", "/v1/inbox", query=query), list[Received])
            if not page:
                break
            after = page[-1].number
            messages += [await self._with_body(received) for received in page]
        return messages

    async def contacts(self) -> list[Contact]:
        """Return all contacts."""
        return decode_answer(await self._caller.call("GET", "/v1/contacts"), list[Contact])

    async def add_contact(self, address: str) -> Contact:
        """Look up and pin a contact."""
        return decode_answer(
            await self._caller.call("POST", "/v1/contacts", json=ContactBody(address=address)), Contact
        )

    async def accept_key(self, address: str, fingerprint: str) -> Contact:
        """Pin the changed key of a contact."""
        path = f"/v1/contacts/{_part(address)}/accept"
        return decode_answer(await self._caller.call("POST", path, json=AcceptBody(fingerprint=fingerprint)), Contact)

    async def remove_contact(self, address: str) -> None:
        """Forget a contact."""
        await self._caller.call("DELETE", f"/v1/contacts/{_part(address)}")

    async def register(self, name: str, provider: str, *, invitation: str = "") -> str:
        """Open an account."""
        body = AccountBody(name=name, provider=provider, invitation=invitation)
        return decode_answer(await self._caller.call("POST", "/v1/account", json=body), Registered).address

    async def register_guest(self, provider: str = "", *, token: bytes = b"") -> str:
        """Open an account without a name."""
        # The daemon may ask several providers, one after the other.
        body, longest_s = GuestBody(provider=provider, token=token), 3 * ANSWER_TIMEOUT_S
        answer = await self._caller.call("POST", "/v1/guest", json=body, timeout_s=longest_s)
        return decode_answer(answer, Admitted).provider

    async def network(self) -> NetworkView:
        """Return the providers of the network and their services."""
        return decode_answer(await self._caller.call("GET", "/v1/network"), NetworkView)

    async def status(self) -> ClientStatus:
        """Return what the client is doing now."""
        return decode_answer(await self._caller.call("GET", "/v1/status"), ClientStatus)

    async def pages(self) -> list[str]:
        """Return the names of the pages that packages installed beside the daemon offer."""
        return decode_answer(await self._caller.call("GET", "/v1/pages"), OfferedPages).names

    async def page_link(self, name: str) -> PageLink:
        """Return a link that opens pages in a browser, once; raises `BadRequestError` if they are not installed."""
        return decode_answer(await self._caller.call("POST", f"/v1/pages/{_part(name)}/links"), PageLink)

    async def _with_body(self, received: Received) -> ReceivedMessage:
        if received.body is not None:
            return received.with_body(received.body)
        return received.with_body(await self._caller.call("GET", f"/v1/inbox/{received.number}/body"))

    def _follow(
        self, path: str, query: dict[str, str], take: Callable[[SseEvent], Awaitable[None]]
    ) -> Callable[[], None]:
        follower = Follower(self._caller, take, path=path, query=query, clock=self._clock, rng=self._rng)
        self._followers.append(follower)
        follower.start()
        return partial(self._stop, follower)

    def _stop(self, follower: Follower) -> None:
        if follower in self._followers:
            self._followers.remove(follower)
            follower.stop()


def _place_of(message_id: MessageId) -> str:
    if not _MESSAGE_ID.fullmatch(message_id):
        raise UnknownMessageError(f"there is no message {message_id!r}: an id has 32 hexadecimal digits")
    return f"/v1/messages/{message_id}"


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _part(text: str) -> str:
    return quote(text, safe="@")
