"""Calls of the local API as values: what is asked, and how the answer is read. They know nothing of how they are made.

`client.remote` makes them by treq and `client.remote_asyncio` by httpx: the encoding stands here, once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeAlias, TypeVar
from urllib.parse import quote

import msgspec

from client.api import (
    BadRequestError,
    ClientStatus,
    Contact,
    Letter,
    MessageId,
    NamedReader,
    NetworkView,
    OutgoingMessage,
    PostedRequest,
    RequestId,
    TimeEstimate,
    TokenStock,
    UnknownContactError,
    UnknownMessageError,
    UnknownRequestError,
)
from client.core.arguments import (
    check_address,
    check_body,
    check_kind,
    check_length,
    check_letters,
    check_named_reader,
    check_number,
    check_reader,
    check_request,
    check_request_size,
    check_share,
    check_size,
)
from client.core.journal import Cursor
from client.http.messages import (
    JSON,
    MAX_PAGE,
    MESSAGE_PACK,
    OCTETS,
    AcceptBody,
    AccountBody,
    Admitted,
    Bulk,
    ContactBody,
    GuestBody,
    OfferedPages,
    PageLink,
    PostedId,
    ReadBody,
    Received,
    Registered,
    Sent,
    SentMany,
    TakenToken,
    TakeTokenBody,
    TokensBody,
    decode_answer,
)

ANSWER_TIMEOUT_S = 120.0

Query: TypeAlias = Mapping[str, str]

Answer = TypeVar("Answer", covariant=True)
T = TypeVar("T")

_MESSAGE_ID = re.compile(r"[0-9a-f]{32}")


class Decoder(Protocol[Answer]):
    """Reads the body of an answer; raises `FormatError` if it is another one."""

    def __call__(self, body: bytes, /) -> Answer: ...


@dataclass(frozen=True, kw_only=True)
class Call(Generic[Answer]):
    """One call: `repeatable` tells whether it may be made twice if the connection broke before its answer."""

    method: str
    path: str
    decode: Decoder[Answer]
    query: Query = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = ""
    timeout_s: float = ANSWER_TIMEOUT_S
    repeatable: bool = True


def send(letter: Letter) -> Call[MessageId]:
    """Queue a message."""
    check_body(letter.body)
    check_length(letter.body)
    query = {"to": letter.to, "kind": letter.kind, "idempotency_key": letter.idempotency_key}
    query["anonymous"] = "true" if letter.anonymous else "false"
    query |= _times(letter.not_before_s, letter.deadline_s)
    return Call(
        method="POST",
        path="/v1/messages",
        query=query,
        body=letter.body,
        content_type=OCTETS,
        decode=lambda body: decode_answer(body, Sent).message_id,
    )


def send_many(letters: Sequence[Letter]) -> Call[list[MessageId]]:
    """Queue several messages in one transaction."""
    check_letters(letters)
    # MessagePack: in JSON the bodies would be a third longer, and both sides would turn them into base64 and back.
    body = msgspec.msgpack.encode(Bulk(letters=list(letters)))
    return Call(
        method="POST",
        path="/v1/messages/bulk",
        body=body,
        content_type=MESSAGE_PACK,
        decode=lambda answer: decode_answer(answer, SentMany).message_ids,
    )


def estimate(body_bytes: int, to: str) -> Call[TimeEstimate]:
    """Ask how long a message would take."""
    check_size(body_bytes)
    query = {"body_bytes": str(body_bytes), "to": to}
    return Call(method="GET", path="/v1/estimate", query=query, decode=_shape(TimeEstimate))


def newest() -> Call[Cursor]:
    """Ask for the numbers of the newest events."""
    return Call(method="GET", path="/v1/events/newest", decode=_shape(Cursor))


def sent_page(*, after: int, limit: int) -> Call[list[OutgoingMessage]]:
    """List outgoing messages, at most one page of them."""
    query = {"after": str(after), "limit": str(min(MAX_PAGE, limit))}
    return Call(method="GET", path="/v1/messages", query=query, decode=_shape(list[OutgoingMessage]))


def message(message_id: MessageId) -> Call[OutgoingMessage]:
    """Ask for an outgoing message."""
    return Call(method="GET", path=_place_of(message_id), decode=_shape(OutgoingMessage))


def cancel(message_id: MessageId) -> Call[OutgoingMessage]:
    """Send nothing more of a message."""
    return Call(method="POST", path=f"{_place_of(message_id)}/cancel", decode=_shape(OutgoingMessage))


def delete_outgoing(message_id: MessageId) -> Call[None]:
    """Forget an outgoing message that has ended."""
    # Made again after it was carried out, it would say that there is no such message.
    return Call(method="DELETE", path=_place_of(message_id), decode=_nothing, repeatable=False)


def delete(number: int) -> Call[None]:
    """Forget a received message."""
    check_number(number)
    return Call(method="DELETE", path=f"/v1/inbox/{number}", decode=_nothing, repeatable=False)


def mark_read(*, after: int, last: int) -> Call[None]:
    """Count received messages as read."""
    return Call(
        method="POST",
        path="/v1/inbox/read",
        body=msgspec.json.encode(ReadBody(last=last, after=after)),
        content_type=JSON,
        decode=_nothing,
    )


def request(service: str, body: bytes, *, timeout_s: float) -> Call[bytes]:
    """Ask a service."""
    check_request(body)
    return Call(
        method="POST",
        path="/v1/requests",
        query={"service": service, "timeout_s": repr(float(timeout_s))},
        body=body,
        content_type=OCTETS,
        decode=bytes,
        # The daemon itself ends the request in time; it is given a while longer to say so.
        timeout_s=ANSWER_TIMEOUT_S + timeout_s,
        repeatable=False,
    )


def post_request(
    service: str, body: bytes, *, idempotency_key: str, not_before_s: float | None, deadline_s: float | None
) -> Call[RequestId]:
    """Queue a request."""
    check_request(body)
    query = {"service": service, "idempotency_key": idempotency_key} | _times(not_before_s, deadline_s)
    return Call(
        method="POST",
        path="/v1/posted",
        query=query,
        body=body,
        content_type=OCTETS,
        decode=lambda answer: decode_answer(answer, PostedId).request_id,
    )


def answer(request_id: RequestId) -> Call[PostedRequest]:
    """Ask for a posted request with its answer."""
    return Call(method="GET", path=_place_of_request(request_id), decode=_shape(PostedRequest))


def cancel_request(request_id: RequestId) -> Call[PostedRequest]:
    """Send nothing more of a posted request."""
    return Call(method="POST", path=f"{_place_of_request(request_id)}/cancel", decode=_shape(PostedRequest))


def forget_request(request_id: RequestId) -> Call[None]:
    """Forget a posted request that has ended."""
    return Call(method="DELETE", path=_place_of_request(request_id), decode=_nothing, repeatable=False)


def estimate_request(request_bytes: int, answer_bytes: int) -> Call[TimeEstimate]:
    """Ask how long a request would take."""
    check_request_size(request_bytes)
    check_request_size(answer_bytes, of="an answer")
    query = {"request_bytes": str(request_bytes), "answer_bytes": str(answer_bytes)}
    return Call(method="GET", path="/v1/posted/estimate", query=query, decode=_shape(TimeEstimate))


def inbox_page(*, after: int, limit: int) -> Call[list[Received]]:
    """List received messages, at most one page of them."""
    query = {"after": str(after), "limit": str(min(MAX_PAGE, limit))}
    return Call(method="GET", path="/v1/inbox", query=query, decode=_shape(list[Received]))


def received_body(number: int) -> Call[bytes]:
    """Fetch the body of a received message."""
    return Call(method="GET", path=f"/v1/inbox/{number}/body", decode=bytes)


def settle(subscription: str, number: int, *, handled: bool) -> Call[None]:
    """Say what became of a message that was offered."""
    word = "handled" if handled else "failed"
    path = f"/v1/received/{subscription}/{number}/{word}"
    return Call(method="POST", path=path, decode=_nothing, repeatable=False)


def share_query(kind: str, *, reader: str, within_s: float) -> Query:
    """Return what a program says that handles messages, one at a time; raise `BadRequestError`."""
    check_kind(kind)
    check_reader(reader)
    check_share(1, within_s)
    # One at a time: the time for a message begins when the callback is called.
    query = {"kind": kind, "at_once": "1", "within_s": repr(float(within_s))}
    return query | ({"reader": reader} if reader else {})


def readers() -> Call[list[NamedReader]]:
    """List the readers that have a name."""
    return Call(method="GET", path="/v1/readers", decode=_shape(list[NamedReader]))


def remove_reader(name: str, kind: str) -> Call[None]:
    """Forget a reader."""
    check_named_reader(name)
    path = f"/v1/readers/{_part(name)}"
    return Call(method="DELETE", path=path, query={"kind": kind}, decode=_nothing, repeatable=False)


def contacts() -> Call[list[Contact]]:
    """List all contacts."""
    return Call(method="GET", path="/v1/contacts", decode=_shape(list[Contact]))


def add_contact(address: str) -> Call[Contact]:
    """Look up and pin a contact."""
    return _json("POST", "/v1/contacts", ContactBody(address=address), Contact)


def accept_key(address: str, fingerprint: str) -> Call[Contact]:
    """Pin the changed key of a contact."""
    return _json("POST", f"{_place_of_contact(address)}/accept", AcceptBody(fingerprint=fingerprint), Contact)


def remove_contact(address: str) -> Call[None]:
    """Forget a contact."""
    return Call(method="DELETE", path=_place_of_contact(address), decode=_nothing, repeatable=False)


def register(name: str, provider: str, invitation: str) -> Call[str]:
    """Open an account."""
    return Call(
        method="POST",
        path="/v1/account",
        body=msgspec.json.encode(AccountBody(name=name, provider=provider, invitation=invitation)),
        content_type=JSON,
        decode=lambda body: decode_answer(body, Registered).address,
    )


def register_guest(provider: str, token: bytes) -> Call[str]:
    """Open an account without a name."""
    return Call(
        method="POST",
        path="/v1/guest",
        body=msgspec.json.encode(GuestBody(provider=provider, token=token)),
        content_type=JSON,
        decode=lambda body: decode_answer(body, Admitted).provider,
        # The daemon may ask several providers, one after the other.
        timeout_s=3 * ANSWER_TIMEOUT_S,
        # A token counts once.
        repeatable=False,
    )


def fetch_tokens(issuer: str, purpose: str, count: int, *, credential: str, key: bytes) -> Call[None]:
    """Order tokens."""
    body = TokensBody(issuer=issuer, purpose=purpose, count=count, credential=credential, key=key)
    return Call(
        method="POST",
        path="/v1/tokens",
        body=msgspec.json.encode(body),
        content_type=JSON,
        decode=_nothing,
        # Made again after it was carried out, it would order twice as many.
        repeatable=False,
    )


def take_token(purpose: str, idempotency_key: str) -> Call[bytes]:
    """Take a token."""
    return Call(
        method="POST",
        path="/v1/tokens/take",
        body=msgspec.json.encode(TakeTokenBody(purpose=purpose, idempotency_key=idempotency_key)),
        content_type=JSON,
        decode=lambda body: decode_answer(body, TakenToken).token,
        # Made again after it was carried out, it would take another one, unless a key says that it is the same.
        repeatable=bool(idempotency_key),
    )


def tokens() -> Call[list[TokenStock]]:
    """Count the tokens, by purpose."""
    return Call(method="GET", path="/v1/tokens", decode=_shape(list[TokenStock]))


def network() -> Call[NetworkView]:
    """Ask for the providers of the network and their services."""
    return Call(method="GET", path="/v1/network", decode=_shape(NetworkView))


def pages() -> Call[list[str]]:
    """Ask for the names of the pages that are offered."""
    return Call(method="GET", path="/v1/pages", decode=lambda body: decode_answer(body, OfferedPages).names)


def page_link(name: str) -> Call[PageLink]:
    """Ask for a link that opens pages in a browser, once."""
    # These would lead to another path: a slash even if it is encoded, and httpx leaves dots out.
    if name in ("", ".", "..") or "/" in name:
        raise BadRequestError(f"there are no pages {name!r}: a name has at least one character that is no dot or slash")
    return Call(method="POST", path=f"/v1/pages/{_part(name)}/links", decode=_shape(PageLink))


def status() -> Call[ClientStatus]:
    """Ask what the client is doing now."""
    return Call(method="GET", path="/v1/status", decode=_shape(ClientStatus))


def _json(method: str, path: str, body: msgspec.Struct, shape: type[T]) -> Call[T]:
    encoded = msgspec.json.encode(body)
    return Call(method=method, path=path, body=encoded, content_type=JSON, decode=_shape(shape))


def _shape(shape: type[T]) -> Decoder[T]:
    return lambda body: decode_answer(body, shape)


def _nothing(body: bytes, /) -> None:
    """Read nothing: the status says all."""


def _times(not_before_s: float | None, deadline_s: float | None) -> dict[str, str]:
    times = {"not_before_s": not_before_s, "deadline_s": deadline_s}
    return {name: repr(float(at_s)) for name, at_s in times.items() if at_s is not None}


def _place_of_contact(address: str) -> str:
    try:
        check_address(address)
    except BadRequestError as error:
        raise UnknownContactError(f"there is no contact {address!r}: {error}") from error
    return f"/v1/contacts/{_part(address)}"


def _place_of_request(request_id: RequestId) -> str:
    if not _MESSAGE_ID.fullmatch(request_id):
        raise UnknownRequestError(f"there is no posted request {request_id!r}: an id has 32 hexadecimal digits")
    return f"/v1/posted/{request_id}"


def _place_of(message_id: MessageId) -> str:
    if not _MESSAGE_ID.fullmatch(message_id):
        raise UnknownMessageError(f"there is no message {message_id!r}: an id has 32 hexadecimal digits")
    return f"/v1/messages/{message_id}"


def _part(text: str) -> str:
    return quote(text, safe="@")
