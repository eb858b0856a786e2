"""What the client's methods take and return: frozen values. Applications import them from `client.api`."""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec

MessageId: TypeAlias = str
"""32 hexadecimal digits, random, made by the sender; the same on both ends."""

RequestId: TypeAlias = str
"""32 hexadecimal digits, random; no provider ever sees it."""


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
    number: int = 0
    """That of its first step (`NumberedChange.number`): it counts up in the order in which messages were queued."""


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
    test_network: bool = False


class TokenStock(msgspec.Struct, frozen=True, kw_only=True):
    """The blind tokens for one purpose: how many may be spent now, rest until they may, and are still to come."""

    purpose: str
    usable: int
    resting: int
    ordered: int


class ClientStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the client is doing now; `problem` is one line for the user, empty when all is well.

    A guest has an account at `provider` and no address. `fingerprint`: that of this client's own key, for people who
    have it as a contact, and compare. `test_network`: whether the trust root says that the network is there for trying
    things on; it hides nobody. `time_agreed`: whether the network agrees about the time, so that what has expired by
    this machine's clock has expired indeed.
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
    test_network: bool = False
    time_agreed: bool = False


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
