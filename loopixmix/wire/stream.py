"""A stream of bytes cut into frames, and its very first bytes judged."""

from __future__ import annotations

from loopixmix.drops import RefusalReason
from loopixmix.wire.fields import HELLO, MAGIC, FrameType
from loopixmix.wire.frames import Hello

HELLO_PREFIX_BYTES = HELLO.size
"""The part of a Hello that stands at the same place in every geometry."""

_HELLO_START = bytes([FrameType.HELLO]) + MAGIC
_VERSION_END = len(_HELLO_START) + 2


def hello_refusal(received: bytes, expected: Hello) -> RefusalReason | None:
    """Judge the first bytes that a peer sent, however few; None means nothing is wrong so far.

    The start of a Hello is the same in every version and geometry, so a peer that speaks another one is told from
    one that sends garbage before a whole frame, whose size the peer may not share, has come. The frame is still to be
    decoded when it is whole.
    """
    if received[: len(_HELLO_START)] != _HELLO_START[: len(received)]:
        return RefusalReason.GARBAGE
    if len(received) < _VERSION_END:
        return None
    if int.from_bytes(received[len(_HELLO_START) : _VERSION_END], "big") != expected.version:
        return RefusalReason.OLD_PROTOCOL
    network = expected.network_id + expected.geometry_digest
    said = received[_VERSION_END : _VERSION_END + len(network)]
    return None if network.startswith(said) else RefusalReason.OTHER_NETWORK


class FrameBuffer:
    """Cuts a stream of bytes into frames; keeps less than one frame."""

    __slots__ = ("_frame_bytes", "_rest")

    def __init__(self, frame_bytes: int) -> None:
        """`frame_bytes`: the length of every frame."""
        self._frame_bytes = frame_bytes
        self._rest = b""

    @property
    def rest(self) -> bytes:
        """The start of a frame whose end has not come yet."""
        return self._rest

    def feed(self, data: bytes) -> list[bytes]:
        """Add what arrived and return the frames that are now whole."""
        # Bytes and not a growing bytearray, whose slices would have to be copied into bytes once more.
        if self._rest:
            data = self._rest + data
        size = self._frame_bytes
        whole_bytes = len(data) - len(data) % size
        self._rest = data[whole_bytes:]
        return [data[start : start + size] for start in range(0, whole_bytes, size)]
