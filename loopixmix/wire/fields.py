"""The fields of each frame: encode beside decode.

An encoder returns the type byte and the fields without padding and raises `MisuseError`; a decoder takes the whole
frame, returns the value and where its fields end, and raises `FormatError`. `FrameFormat` adds and checks padding.
"""

from __future__ import annotations

import enum
import struct
from typing import TypeVar

from loopixmix.errors import FormatError, MisuseError
from loopixmix.wire.frames import (
    GEOMETRY_DIGEST_BYTES,
    MAX_INVITATION_BYTES,
    MAX_NAME_BYTES,
    NETWORK_ID_BYTES,
    SURB_ID_BYTES,
    Hello,
    Item,
    ItemKind,
    LinkRole,
    Pull,
    Register,
    RegisterGuest,
    RegisterRefusal,
    RegisterRefused,
)

MAGIC = b"LoopixMix"


class FrameType(enum.IntEnum):
    """The first byte of each frame."""

    HELLO = 0x01
    PACKET = 0x02
    PULL = 0x03
    ITEM = 0x04
    REGISTER = 0x05
    REGISTERED = 0x06
    REGISTER_REFUSED = 0x07
    DUMMY = 0x08
    REGISTER_GUEST = 0x09


HELLO = struct.Struct(">B9sH16s16sB")
PULL_HEAD = struct.Struct(">BQH")
ITEM_HEAD = struct.Struct(">BQQB8s")
GUEST_HEAD = struct.Struct(">BH")
REGISTER_BYTES = 1 + 1 + MAX_NAME_BYTES + 1 + MAX_INVITATION_BYTES + 2
"""A Register with the longest name and invitation and an empty card."""

_ITEM_ID_BYTES = 8
_U64_END = 2**64
_Code = TypeVar("_Code", bound=enum.IntEnum)


def encode_hello(hello: Hello) -> bytes:
    """`type | magic 9 | version u16 | network id 16 | geometry digest 16 | role u8`."""
    if len(hello.network_id) != NETWORK_ID_BYTES or len(hello.geometry_digest) != GEOMETRY_DIGEST_BYTES:
        raise MisuseError("a network id and a geometry digest have 16 bytes each")
    if not 0 <= hello.version < 2**16:
        raise MisuseError("a version is an unsigned 16-bit number")
    return HELLO.pack(FrameType.HELLO, MAGIC, hello.version, hello.network_id, hello.geometry_digest, hello.role)


def decode_hello(frame: bytes) -> tuple[Hello, int]:
    """Read a Hello."""
    _type, magic, version, network_id, geometry_digest, role = HELLO.unpack_from(frame)
    if magic != MAGIC:
        raise FormatError("a hello has the wrong magic")
    return Hello(version, network_id, geometry_digest, _code(LinkRole, role)), HELLO.size


def max_acknowledged(frame_bytes: int) -> int:
    """How many item ids fit into a Pull."""
    return (frame_bytes - PULL_HEAD.size) // _ITEM_ID_BYTES


def encode_pull(pull: Pull, frame_bytes: int) -> bytes:
    """`type | request id u64 | count u16 | count item ids u64`."""
    count = len(pull.acknowledged)
    if count > max_acknowledged(frame_bytes):
        raise MisuseError(f"a pull acknowledges at most {max_acknowledged(frame_bytes)} items, not {count}")
    if not all(0 < item_id < _U64_END for item_id in pull.acknowledged):
        raise MisuseError("an acknowledged item's id is a nonzero unsigned 64-bit number")
    ids = struct.pack(f">{count}Q", *pull.acknowledged)
    return PULL_HEAD.pack(FrameType.PULL, _u64(pull.request_id), count) + ids


def decode_pull(frame: bytes) -> tuple[Pull, int]:
    """Read a Pull."""
    _type, request_id, count = PULL_HEAD.unpack_from(frame)
    if count > max_acknowledged(len(frame)):
        raise FormatError("a pull acknowledges more items than fit")
    acknowledged = struct.unpack_from(f">{count}Q", frame, PULL_HEAD.size)
    # 0 is the id of dummies. They are stored nowhere, so a pull that names one comes from broken software.
    if 0 in acknowledged:
        raise FormatError("a pull acknowledges item id 0")
    return Pull(request_id, acknowledged), PULL_HEAD.size + count * _ITEM_ID_BYTES


def encode_item(item: Item, body_bytes: int) -> bytes:
    """`type | request id u64 | item id u64 | kind u8 | SURB id 8 | body`."""
    problem = _item_problem(item)
    if problem is not None:
        raise MisuseError(problem)
    if len(item.body) != body_bytes:
        raise MisuseError(f"an item's body has {body_bytes} bytes, not {len(item.body)}")
    head = ITEM_HEAD.pack(FrameType.ITEM, _u64(item.request_id), _u64(item.item_id), item.kind, item.surb_id)
    return head + item.body


def decode_item(frame: bytes, body_bytes: int) -> tuple[Item, int]:
    """Read an Item."""
    _type, request_id, item_id, kind, surb_id = ITEM_HEAD.unpack_from(frame)
    end = ITEM_HEAD.size + body_bytes
    item = Item(request_id, item_id, _code(ItemKind, kind), surb_id, frame[ITEM_HEAD.size : end])
    problem = _item_problem(item)
    if problem is not None:
        raise FormatError(problem)
    return item, end


def _item_problem(item: Item) -> str | None:
    # One function for both directions, so that what is encoded is always decoded.
    if len(item.surb_id) != SURB_ID_BYTES:
        return f"a SURB id has {SURB_ID_BYTES} bytes, not {len(item.surb_id)}"
    if item.kind is not ItemKind.REPLY and any(item.surb_id):
        return "only a reply has a SURB id"
    if (item.kind is ItemKind.DUMMY) != (item.item_id == 0):
        return "a dummy has item id 0, and nothing else has"
    return None


def encode_register(register: Register, frame_bytes: int) -> bytes:
    """`type | length u8, name | length u8, invitation | length u16, card`; the strings are UTF-8."""
    try:
        name, invitation = register.name.encode(), register.invitation.encode()
    except UnicodeEncodeError as error:
        raise MisuseError("a name or invitation is not text that UTF-8 can carry") from error
    if not 1 <= len(name) <= MAX_NAME_BYTES:
        raise MisuseError(f"a name has 1 to {MAX_NAME_BYTES} bytes, not {len(name)}")
    if len(invitation) > MAX_INVITATION_BYTES:
        raise MisuseError(f"an invitation has at most {MAX_INVITATION_BYTES} bytes, not {len(invitation)}")
    if len(register.card) > frame_bytes - REGISTER_BYTES:
        raise MisuseError(f"a card has at most {frame_bytes - REGISTER_BYTES} bytes, not {len(register.card)}")
    strings = bytes([FrameType.REGISTER, len(name)]) + name + bytes([len(invitation)]) + invitation
    return strings + len(register.card).to_bytes(2, "big") + register.card


def decode_register(frame: bytes) -> tuple[Register, int]:
    """Read a Register."""
    if not 1 <= frame[1] <= MAX_NAME_BYTES:
        raise FormatError(f"a name has 1 to {MAX_NAME_BYTES} bytes")
    name, position = _take_string(frame, 1)
    invitation, position = _take_string(frame, position)
    start = position + 2
    card_bytes = int.from_bytes(frame[position:start], "big")
    # Held against the room beside the longest name, as when encoding: otherwise short names could carry longer cards.
    if card_bytes > len(frame) - REGISTER_BYTES:
        raise FormatError("a card is longer than fits")
    end = start + card_bytes
    return Register(name, invitation, frame[start:end]), end


def encode_register_guest(guest: RegisterGuest, frame_bytes: int) -> bytes:
    """`type | length u16, token`."""
    if len(guest.token) > max_token_bytes(frame_bytes):
        raise MisuseError(f"a token has at most {max_token_bytes(frame_bytes)} bytes, not {len(guest.token)}")
    return GUEST_HEAD.pack(FrameType.REGISTER_GUEST, len(guest.token)) + guest.token


def decode_register_guest(frame: bytes) -> tuple[RegisterGuest, int]:
    """Read a RegisterGuest."""
    _type, token_bytes = GUEST_HEAD.unpack_from(frame)
    if token_bytes > max_token_bytes(len(frame)):
        raise FormatError("a token is longer than fits")
    end = GUEST_HEAD.size + token_bytes
    return RegisterGuest(frame[GUEST_HEAD.size : end]), end


def max_token_bytes(frame_bytes: int) -> int:
    """How long the token of a RegisterGuest may be."""
    return frame_bytes - GUEST_HEAD.size


def encode_register_refused(refused: RegisterRefused) -> bytes:
    """`type | reason u8`."""
    return bytes([FrameType.REGISTER_REFUSED, refused.reason])


def decode_register_refused(frame: bytes) -> tuple[RegisterRefused, int]:
    """Read a RegisterRefused."""
    return RegisterRefused(_code(RegisterRefusal, frame[1])), 2


def _take_string(frame: bytes, position: int) -> tuple[str, int]:
    start, end = position + 1, position + 1 + frame[position]
    try:
        return frame[start:end].decode(), end
    except UnicodeDecodeError as error:
        raise FormatError("a string is not UTF-8") from error


def _u64(number: int) -> int:
    if not 0 <= number < _U64_END:
        raise MisuseError("an id is an unsigned 64-bit number")
    return number


def _code(codes: type[_Code], value: int) -> _Code:
    try:
        return codes(value)
    except ValueError as error:
        raise FormatError(f"{value} is no {codes.__name__}") from error
