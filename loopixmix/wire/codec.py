"""Frames to bytes and back, for one geometry."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from loopixmix.errors import FormatError, MisuseError
from loopixmix.wire import fields
from loopixmix.wire.fields import FrameType
from loopixmix.wire.frames import (
    GEOMETRY_DIGEST_BYTES,
    Dummy,
    Frame,
    Hello,
    Item,
    Packet,
    Pull,
    Register,
    Registered,
    RegisterGuest,
    RegisterRefused,
)

FRAME_OVERHEAD_BYTES = 64
_DIGEST_DOMAIN = b"loopixmix/geometry/v1:"
_PACKET = int(FrameType.PACKET)
_PACKET_BYTE = bytes([_PACKET])


@dataclass(frozen=True)
class FrameFormat:
    """The sizes of one geometry's frames, and their encoding.

    `packet_bytes` is the length of a Sphinx packet and `body_bytes` of a Sphinx body (loopixmix.sphinx.Geometry).
    Raises `MisuseError` if they fit no frame.
    """

    packet_bytes: int
    body_bytes: int
    frame_bytes: int = field(init=False, repr=False)
    _packet_padding: bytes = field(init=False, repr=False)
    _packet_end: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.body_bytes < self.packet_bytes < 2**16:
            raise MisuseError(f"no frame fits packets of {self.packet_bytes} bytes with bodies of {self.body_bytes}")
        # Set once: as properties they would be computed for each frame.
        object.__setattr__(self, "frame_bytes", self.packet_bytes + FRAME_OVERHEAD_BYTES)
        object.__setattr__(self, "_packet_padding", bytes(FRAME_OVERHEAD_BYTES - 1))
        object.__setattr__(self, "_packet_end", 1 + self.packet_bytes)
        if self.max_card_bytes < 0:
            raise MisuseError(f"a registration does not fit into a frame of {self.frame_bytes} bytes")

    @property
    def max_acknowledged(self) -> int:
        """How many items one Pull can acknowledge."""
        return fields.max_acknowledged(self.frame_bytes)

    @property
    def max_card_bytes(self) -> int:
        """How long the card of a Register may be."""
        return self.frame_bytes - fields.REGISTER_BYTES

    @property
    def max_token_bytes(self) -> int:
        """How long the token of a RegisterGuest may be."""
        return fields.max_token_bytes(self.frame_bytes)

    @property
    def geometry_digest(self) -> bytes:
        """The digest of the geometry in a Hello: both sizes determine the path length and the payload size."""
        sizes = struct.pack(">II", self.packet_bytes, self.body_bytes)
        return hashlib.sha256(_DIGEST_DOMAIN + sizes).digest()[:GEOMETRY_DIGEST_BYTES]

    def packet_frame(self, packet: bytes) -> bytes:
        """Encode one packet (the quick way: most frames are packets)."""
        if len(packet) != self.packet_bytes:
            raise MisuseError(f"a packet has {self.packet_bytes} bytes, not {len(packet)}")
        return b"".join((_PACKET_BYTE, packet, self._packet_padding))  # one copy: packets are long

    def packet_of(self, frame: bytes) -> bytes:
        """Return the packet in a frame for which `is_packet` holds; raise `FormatError` if its padding is wrong."""
        if len(frame) != self.frame_bytes or not frame.endswith(self._packet_padding):
            raise FormatError("a packet's frame has the wrong length or padding")
        return frame[1 : 1 + self.packet_bytes]

    def sort(self, frames: Sequence[bytes], allowed: Container[int]) -> tuple[list[bytes], list[Frame]]:
        """Return the packets in `frames` and what the other frames say, each in order, without dummies.

        Raises `FormatError` unless every frame is of an `allowed` type and `decode` takes it.
        """
        packets: list[bytes] = []
        others: list[Frame] = []
        frame_bytes, packet_end, padding = self.frame_bytes, self._packet_end, self._packet_padding
        for frame in frames:
            if len(frame) != frame_bytes:
                raise FormatError(f"a frame has {frame_bytes} bytes, not {len(frame)}")
            kind = frame[0]
            if kind not in allowed:
                raise FormatError(f"a frame of type {kind} is not for its sender to send")
            if kind == _PACKET:
                # Not by `decode`: nearly every frame holds a packet, and a value around each would cost as much again.
                if not frame.endswith(padding):
                    raise FormatError("a packet's frame has the wrong padding")
                packets.append(frame[1:packet_end])
            elif not isinstance(decoded := self.decode(frame), Dummy):
                others.append(decoded)
        return packets, others

    def encode(self, frame: Frame) -> bytes:
        """Return the `frame_bytes` bytes of any frame; raise `MisuseError` if a field does not fit."""
        return self._encode_fields(frame).ljust(self.frame_bytes, b"\0")

    def _encode_fields(self, frame: Frame) -> bytes:
        match frame:
            case Packet(packet=packet):
                return self.packet_frame(packet)
            case Item():
                return fields.encode_item(frame, self.body_bytes)
            case Pull():
                return fields.encode_pull(frame, self.frame_bytes)
            case Hello():
                return fields.encode_hello(frame)
            case Register():
                return fields.encode_register(frame, self.frame_bytes)
            case RegisterGuest():
                return fields.encode_register_guest(frame, self.frame_bytes)
            case Registered():
                return bytes([FrameType.REGISTERED])
            case RegisterRefused():
                return fields.encode_register_refused(frame)
            case Dummy():
                return bytes([FrameType.DUMMY])

    def decode(self, frame: bytes) -> Frame:
        """Return what a frame says; raise `FormatError` unless it is exactly what `encode` makes."""
        if len(frame) != self.frame_bytes:
            raise FormatError(f"a frame has {self.frame_bytes} bytes, not {len(frame)}")
        if frame[0] == _PACKET:
            return Packet(self.packet_of(frame))
        decoded, end = self._decode_fields(frame)
        # Anything else in the padding would be a second way to write the same frame, and room for a mark.
        if frame.count(0, end) != len(frame) - end:
            raise FormatError("a frame's padding is not zero")
        return decoded

    def _decode_fields(self, frame: bytes) -> tuple[Frame, int]:
        match frame[0]:
            case FrameType.ITEM:
                return fields.decode_item(frame, self.body_bytes)
            case FrameType.PULL:
                return fields.decode_pull(frame)
            case FrameType.HELLO:
                return fields.decode_hello(frame)
            case FrameType.REGISTER:
                return fields.decode_register(frame)
            case FrameType.REGISTER_GUEST:
                return fields.decode_register_guest(frame)
            case FrameType.REGISTERED:
                return Registered(), 1
            case FrameType.REGISTER_REFUSED:
                return fields.decode_register_refused(frame)
            case FrameType.DUMMY:
                return Dummy(), 1
            case unknown:
                raise FormatError(f"{unknown} is no frame type")


def is_packet(frame: bytes) -> bool:
    """Tell whether a whole frame holds a packet."""
    return frame[0] == _PACKET
