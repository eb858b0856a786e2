"""The content of a message: signed by its sender, or anonymous with blocks to reply by, or a receipt.

An encoded message is `type u8 | signature 64 (not when anonymous) | MessagePack array`. The signature covers the
recipient's identity and the array, so that a message signed for one recipient is none for another. Specification:
docs/protocol/message.md.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias, TypeVar

import msgspec

from client.api import MAX_BODY_BYTES, MAX_KIND_LENGTH
from loopixmix.errors import UNDECODABLE, FormatError
from loopixmix.keys import KEY_BYTES, SIGNATURE_BYTES, IdentityKey, verify
from loopixmix.requests.names import MAX_NAME_BYTES
from loopixmix.seams import Identity

CONTENT_DOMAIN = b"loopixmix/content/v1"
RECEIPT_DOMAIN = b"loopixmix/receipt/v1"
MESSAGE_ID_BYTES = 16
REPLY_KEY_BYTES = 32
MAX_REPLY_BLOCKS = 64
KIND_PATTERN = rf"\A[a-z0-9./_-]{{1,{MAX_KIND_LENGTH}}}\Z"

_SIGNED, _ANONYMOUS, _RECEIPT = 1, 2, 3

Key = Annotated[bytes, msgspec.Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]
RawMessageId = Annotated[bytes, msgspec.Meta(min_length=MESSAGE_ID_BYTES, max_length=MESSAGE_ID_BYTES)]
Name = Annotated[str, msgspec.Meta(pattern=rf"\A[a-z0-9._-]{{1,{MAX_NAME_BYTES}}}\Z")]
Kind = Annotated[str, msgspec.Meta(pattern=KIND_PATTERN)]
Body = Annotated[bytes, msgspec.Meta(max_length=MAX_BODY_BYTES)]
Epoch = Annotated[int, msgspec.Meta(ge=0, lt=2**62)]


class Sender(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The sender: an identity key that signs, and the address at which it says it can be reached."""

    identity: Key
    name: Name
    provider: Key


class SignedMessage(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A message whose sender only the recipient learns."""

    message_id: RawMessageId
    kind: Kind
    body: Body
    sender: Sender

    def __repr__(self) -> str:
        return f"SignedMessage({self.message_id.hex()})"


class ReplyBlock(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A Sphinx single-use reply block, and the epoch whose mix keys it was made with: it works in that epoch only."""

    epoch: Epoch
    surb: bytes

    def __repr__(self) -> str:
        return f"ReplyBlock(epoch={self.epoch})"


class AnonymousMessage(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A message without sender; `blocks` take replies, each sealed under `reply_key` and the block's place."""

    message_id: RawMessageId
    kind: Kind
    body: Body
    reply_key: Annotated[bytes, msgspec.Meta(min_length=REPLY_KEY_BYTES, max_length=REPLY_KEY_BYTES)]
    blocks: Annotated[tuple[ReplyBlock, ...], msgspec.Meta(max_length=MAX_REPLY_BLOCKS)]

    def __repr__(self) -> str:
        return f"AnonymousMessage({self.message_id.hex()})"


class Receipt(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The recipient's word that the message `received` is with it. Nothing is sent for a receipt."""

    message_id: RawMessageId
    received: RawMessageId
    sender: Sender


Content: TypeAlias = SignedMessage | AnonymousMessage | Receipt

_ContentType = TypeVar("_ContentType", SignedMessage, AnonymousMessage, Receipt)


def encode_signed(message: SignedMessage | Receipt, identity_key: IdentityKey, *, recipient: Identity) -> bytes:
    """Sign a message or receipt for `recipient` (its identity key) and encode it."""
    encoded = msgspec.msgpack.encode(message)
    match message:
        case SignedMessage():
            return bytes([_SIGNED]) + identity_key.sign(CONTENT_DOMAIN, recipient + encoded) + encoded
        case Receipt():
            return bytes([_RECEIPT]) + identity_key.sign(RECEIPT_DOMAIN, recipient + encoded) + encoded


def signed_bytes(message: SignedMessage) -> int:
    """Return the length of a message once it is signed and encoded."""
    return 1 + SIGNATURE_BYTES + len(msgspec.msgpack.encode(message))


def encode_anonymous(message: AnonymousMessage) -> bytes:
    """Encode a message without a signature."""
    return bytes([_ANONYMOUS]) + msgspec.msgpack.encode(message)


def decode_content(stream: bytes, *, recipient: Identity) -> Content:
    """Decode a message for `recipient` (our identity key) and check its signature.

    Raises `FormatError` if it is no message, `SignatureError` if its sender did not sign it for us.
    """
    match stream[:1]:
        case b"\x01":
            return _decode_signed(stream, SignedMessage, CONTENT_DOMAIN, recipient)
        case b"\x02":
            return _decode(stream[1:], AnonymousMessage)
        case b"\x03":
            return _decode_signed(stream, Receipt, RECEIPT_DOMAIN, recipient)
        case _:
            raise FormatError("unknown type of message")


_SignedType = TypeVar("_SignedType", SignedMessage, Receipt)


def _decode_signed(stream: bytes, wanted: type[_SignedType], domain: bytes, recipient: Identity) -> _SignedType:
    signature, encoded = stream[1 : 1 + SIGNATURE_BYTES], stream[1 + SIGNATURE_BYTES :]
    message = _decode(encoded, wanted)
    # Over the very bytes that came: encoded anew they might differ from those that were signed.
    verify(message.sender.identity, signature, domain, recipient + encoded)
    return message


def _decode(encoded: bytes, wanted: type[_ContentType]) -> _ContentType:
    try:
        message = msgspec.msgpack.decode(encoded, type=wanted)
    except UNDECODABLE as error:
        raise FormatError("a message is not encoded as it should be") from error
    return message
