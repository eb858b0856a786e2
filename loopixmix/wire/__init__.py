"""Frames: what travels on every link, all of one size (docs/protocol/link.md).

A frame is `type u8 | fields | zero padding` and always 64 bytes longer than a packet, so that an observer of a link
cannot tell packets, pulls, items and dummies apart. Integers are big-endian. Decoding accepts exactly what encoding
makes. No I/O here: bytes in, frames out.
"""

from __future__ import annotations

from loopixmix.wire.codec import FRAME_OVERHEAD_BYTES, FrameFormat, is_packet
from loopixmix.wire.fields import FrameType
from loopixmix.wire.frames import (
    GEOMETRY_DIGEST_BYTES,
    MAX_INVITATION_BYTES,
    MAX_NAME_BYTES,
    NETWORK_ID_BYTES,
    NO_SURB_ID,
    SURB_ID_BYTES,
    WIRE_VERSION,
    Dummy,
    Frame,
    Hello,
    Item,
    ItemKind,
    LinkRole,
    Packet,
    Pull,
    Register,
    Registered,
    RegisterGuest,
    RegisterRefusal,
    RegisterRefused,
)
from loopixmix.wire.rules import MAY_SEND, may_send
from loopixmix.wire.stream import HELLO_PREFIX_BYTES, FrameBuffer, hello_refusal

__all__ = [
    "FRAME_OVERHEAD_BYTES",
    "GEOMETRY_DIGEST_BYTES",
    "HELLO_PREFIX_BYTES",
    "MAX_INVITATION_BYTES",
    "MAX_NAME_BYTES",
    "MAY_SEND",
    "NETWORK_ID_BYTES",
    "NO_SURB_ID",
    "SURB_ID_BYTES",
    "WIRE_VERSION",
    "Dummy",
    "Frame",
    "FrameBuffer",
    "FrameFormat",
    "FrameType",
    "Hello",
    "Item",
    "ItemKind",
    "LinkRole",
    "Packet",
    "Pull",
    "Register",
    "RegisterGuest",
    "RegisterRefusal",
    "RegisterRefused",
    "Registered",
    "hello_refusal",
    "is_packet",
    "may_send",
]
