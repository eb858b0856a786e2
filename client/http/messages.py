"""The JSON bodies of the local API. Requests are strict: a field that is not here is refused."""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import msgspec

from client.api import (
    MAX_BULK_BYTES,
    MAX_LETTERS,
    ClientStatus,
    Letter,
    MessageId,
    MessageProgress,
    NumberedChange,
    ReceivedMessage,
    RequestId,
    Verified,
)
from loopixmix.errors import FormatError

T = TypeVar("T")

MAX_REQUEST_BYTES = MAX_BULK_BYTES * 4 // 3 + MAX_LETTERS * 512
"""The longest request body: the longest bulk in base64, and the fields of its messages."""

MAX_PAGE = 100
"""The most messages that one answer lists."""

JSON, OCTETS, MESSAGE_PACK = "application/json", "application/octet-stream", "application/msgpack"
SUBSCRIBED, MESSAGE = "subscribed", "message"
"""The events of `GET /v1/received`."""

RECEIVED, CHANGED, PROGRESS, STATUS = "received", "changed", "progress", "status"
"""The events of `GET /v1/events`."""

ENDED = "ended"
"""The event of `GET /v1/answers`."""

OUTGOING = "outgoing"
"""The `about` of `GET /v1/events` that leaves out all but outgoing messages."""

INLINE_BYTES = 64 * 1024
"""A received body up to this length is told with its message; a longer one is to be fetched by itself."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A body that somebody sends us."""


class Bulk(_Strict, frozen=True):
    """`POST /v1/messages/bulk`."""

    letters: list[Letter]


class RequestBody(_Strict, frozen=True):
    """`POST /v1/requests`."""

    service: str
    body: bytes
    timeout_s: float


class PostBody(_Strict, frozen=True):
    """`POST /v1/posted`."""

    service: str
    body: bytes
    idempotency_key: str
    not_before_s: float | None = None
    deadline_s: float | None = None


class ContactBody(_Strict, frozen=True):
    """`POST /v1/contacts`."""

    address: str


class AcceptBody(_Strict, frozen=True):
    """`POST /v1/contacts/ADDRESS/accept`."""

    fingerprint: str


class ReadBody(_Strict, frozen=True):
    """`POST /v1/inbox/read`."""

    last: int
    after: int = 0


class AccountBody(_Strict, frozen=True):
    """`POST /v1/account`."""

    name: str
    provider: str
    invitation: str = ""


class GuestBody(_Strict, frozen=True):
    """`POST /v1/guest`."""

    provider: str = ""
    token: bytes = b""


class TokensBody(_Strict, frozen=True):
    """`POST /v1/tokens`."""

    issuer: str
    purpose: str
    count: int
    credential: str = ""
    key: bytes = b""


class TakeTokenBody(_Strict, frozen=True):
    """`POST /v1/tokens/take`."""

    purpose: str
    idempotency_key: str = ""


class TakenToken(msgspec.Struct, frozen=True):
    """Answers `POST /v1/tokens/take`."""

    token: bytes


class Sent(msgspec.Struct, frozen=True):
    """Answers `POST /v1/messages`."""

    message_id: MessageId


class SentMany(msgspec.Struct, frozen=True):
    """Answers `POST /v1/messages/bulk`: an id for each letter, in their order."""

    message_ids: list[MessageId]


class PostedId(msgspec.Struct, frozen=True):
    """Answers `POST /v1/posted`."""

    request_id: RequestId


class Answered(msgspec.Struct, frozen=True):
    """Answers `POST /v1/requests`."""

    body: bytes


class Registered(msgspec.Struct, frozen=True):
    """Answers `POST /v1/account`."""

    address: str


class Admitted(msgspec.Struct, frozen=True):
    """Answers `POST /v1/guest`."""

    provider: str


class OfferedPages(msgspec.Struct, frozen=True):
    """Answers `GET /v1/pages`: the pages that installed packages offer."""

    names: list[str]


class PageLink(msgspec.Struct, frozen=True):
    """Answers `POST /v1/pages/NAME/links`: a link that opens the page once, and for how long it is good."""

    url: str
    valid_s: float


class Subscribed(msgspec.Struct, frozen=True):
    """The first event of `GET /v1/received`: the name under which the reader says what it handled."""

    subscription: str


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A received message; `body` is null if it is longer than `INLINE_BYTES` and to be fetched by itself."""

    number: int
    message_id: MessageId
    sender: str | None
    verified: Verified
    kind: str
    length_bytes: int
    received_at_s: float
    reply_to: str
    body: bytes | None
    fingerprint: str = ""

    def with_body(self, body: bytes) -> ReceivedMessage:
        """Return the message as applications see it."""
        return ReceivedMessage(
            number=self.number,
            message_id=self.message_id,
            sender=self.sender,
            verified=self.verified,
            kind=self.kind,
            body=body,
            received_at_s=self.received_at_s,
            reply_to=self.reply_to,
            fingerprint=self.fingerprint,
        )


def received_of(message: ReceivedMessage) -> Received:
    """Return what is told of a received message."""
    return Received(
        number=message.number,
        message_id=message.message_id,
        sender=message.sender,
        verified=message.verified,
        kind=message.kind,
        length_bytes=len(message.body),
        received_at_s=message.received_at_s,
        reply_to=message.reply_to,
        body=message.body if len(message.body) <= INLINE_BYTES else None,
        fingerprint=message.fingerprint,
    )


Event: TypeAlias = Received | NumberedChange | MessageProgress | ClientStatus
"""The events of `GET /v1/events`."""


def decode_event(name: str, data: bytes) -> Event:
    """Return what an event tells; raise `FormatError` if it is unknown or wrong."""
    shapes: dict[str, type[Event]] = {
        RECEIVED: Received,
        CHANGED: NumberedChange,
        PROGRESS: MessageProgress,
        STATUS: ClientStatus,
    }
    if name not in shapes:
        raise FormatError(f"the client daemon told of an unknown event {name[:40]!r}")
    return decode_answer(data, shapes[name])


def decode_answer(data: bytes, shape: type[T]) -> T:
    """Return what the daemon sent; raise `FormatError` if it is not of that shape."""
    try:
        return msgspec.json.decode(data, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"the client daemon answered something else than was asked: {error}") from error
