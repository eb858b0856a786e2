"""Packets with the cryptography left out: the same lengths, the same decisions, the path in clear.

`PlainArithmetic` stands in for the arithmetics of `loopixmix.sphinx`: a world hands it to its nodes and clients. What
a node decides stays: a packet of a wrong length is `WRONG_LENGTH`; one for another key, of another epoch or with a
header that somebody changed is `BAD_MAC` (`BAD_POINT` if the group element cannot be one); each packet has its own
replay tag at each hop; a body that was changed on its way is `TAGGED_PAYLOAD` at its end. What is gone is secrecy:
checksums stand for MACs, so that accidents and the attacks of the simulations are noticed, but not somebody who
computes the checksum anew; and every packet keeps its number on the way. Nothing of it is worth anything outside a
simulation.

The layout is Sphinx's, `alpha 32 | beta | gamma 16 | body`. alpha: the packet's number, 32 random bytes. beta: for each
hop `length 1 | command 41 | mark of the next hop's key 16`, the last without the mark. gamma: `mark of this hop's key
8 | number of the hop, four times | checksum 4` over alpha and beta. body: `checksum 16 | padded content`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from struct import Struct
from zlib import crc32

from nacl.bindings import crypto_scalarmult_base

from loopixmix.drops import DropReason
from loopixmix.sphinx.arithmetic import Route
from loopixmix.sphinx.errors import PacketError
from loopixmix.sphinx.geometry import (
    COMMAND_BYTES,
    HOP_BYTES,
    KEY_BYTES,
    POINT_BYTES,
    ROUTE_BYTES,
    Geometry,
)
from loopixmix.sphinx.packet import SurbKeys, Unwrapped
from loopixmix.sphinx.payload import pad, unpad
from loopixmix.sphinx.points import is_canonical

NUMBER_BYTES = KEY_BYTES - 1
"""How much of a packet's number its replay tags begin with; the last byte is the number of the hop."""

_MARK_BYTES = 8
_COMMAND_LENGTH = bytes([COMMAND_BYTES])
_NO_MARK = bytes(KEY_BYTES - _MARK_BYTES)
_HOP_NUMBERS = tuple(bytes([number]) for number in range(256))
_HOPS_IN_GAMMA = tuple(number * 4 for number in _HOP_NUMBERS)
_MAC_FILLER = bytes(KEY_BYTES - 4)
_GAMMA = Struct(f">{_MARK_BYTES}s4sI")
_LOW_ORDER = frozenset((bytes(POINT_BYTES), b"\x01" + bytes(POINT_BYTES - 1)))


@lru_cache(maxsize=65_536)
def _marks_of(private_keys: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(crypto_scalarmult_base(key)[:_MARK_BYTES] for key in private_keys)


class PlainArithmetic:
    """Packets without cryptography (see `loopixmix.sphinx.arithmetic.Arithmetic`)."""

    name = "plain"

    def create_header(self, route: Route, geometry: Geometry) -> tuple[bytes, tuple[bytes, ...]]:  # noqa: ARG002
        """Return the header and each hop's payload key."""
        # The last byte is cut so that the number is the encoding of a field element, as an alpha has to be.
        alpha = route.secret[:-1] + _HOP_NUMBERS[route.secret[-1] & 0x3F]
        parts = [alpha]
        for command, following in zip(route.commands, (*route.public_keys[1:], None), strict=True):
            parts += (_COMMAND_LENGTH, command)
            if following is not None:
                parts += (following[:_MARK_BYTES], _NO_MARK)
        parts.append(route.padding)
        head = b"".join(parts)
        number = alpha[:NUMBER_BYTES]
        payload_keys = tuple([number + _HOP_NUMBERS[hop] for hop in range(len(route.commands))])
        gamma = route.public_keys[0][:_MARK_BYTES] + _HOPS_IN_GAMMA[0] + crc32(head).to_bytes(4, "big")
        return head + gamma, payload_keys

    def wrap(self, route: Route, content: bytes, geometry: Geometry) -> bytes:
        """Return a packet that takes `content` to the end of the route."""
        header, payload_keys = self.create_header(route, geometry)
        return header + _seal(payload_keys[-1], content, geometry)

    def use_surb(self, reply_key: bytes, payload: bytes, geometry: Geometry) -> bytes:
        """Return the body that goes with a reply block's header."""
        return _seal(reply_key, payload, geometry)

    def open_reply(self, keys: SurbKeys, body: bytes, geometry: Geometry) -> bytes:  # noqa: ARG002
        """Return the payload of a reply; raise `PacketError`."""
        return _open(keys.reply_key, body)

    def open_body(self, payload_key: bytes, body: bytes, geometry: Geometry) -> bytes:
        """Return the content of a body at its last hop; raise `PacketError`."""
        if len(body) != geometry.body_bytes:
            raise PacketError(DropReason.WRONG_LENGTH)
        return _open(payload_key, body)

    def unwrap_many(
        self,
        private_keys: Sequence[bytes],
        packets: Sequence[bytes],
        geometry: Geometry,
        threads: int,  # noqa: ARG002 (there is nothing to spread)
    ) -> list[Unwrapped | DropReason]:
        """Take one layer off each packet."""
        marks = _marks_of(tuple(private_keys))
        if len(packets) == 1:
            return [_unwrap(marks, packets[0], geometry)]
        return [_unwrap(marks, packet, geometry) for packet in packets]


def _unwrap(marks: Sequence[bytes], packet: bytes, geometry: Geometry) -> Unwrapped | DropReason:
    if len(packet) != geometry.packet_bytes:
        return DropReason.WRONG_LENGTH
    if packet[POINT_BYTES - 1] >= 0x7F and not is_canonical(packet[:POINT_BYTES]):
        return DropReason.BAD_POINT
    sum_start = geometry.header_bytes - 4
    gamma_start = sum_start - 12
    head, hop = packet[:gamma_start], packet[sum_start - 1]
    mark, hops, checksum = _GAMMA.unpack_from(packet, gamma_start)
    if mark not in marks or hops != _HOPS_IN_GAMMA[hop] or hop >= geometry.hops or crc32(head) != checksum:
        return DropReason.BAD_POINT if head[:POINT_BYTES] in _LOW_ORDER else DropReason.BAD_MAC
    start = POINT_BYTES + hop * HOP_BYTES
    if head[start] != COMMAND_BYTES:
        return DropReason.UNKNOWN_COMMAND
    command_end = start + ROUTE_BYTES
    following = head[command_end : command_end + _MARK_BYTES]
    tag = head[:NUMBER_BYTES] + _HOP_NUMBERS[hop]
    # At the last hop of a shorter path padding follows; what it makes of the header goes nowhere.
    if following:
        packet = b"".join((head, following, _HOPS_IN_GAMMA[hop + 1], memoryview(packet)[sum_start:]))
    return Unwrapped(marks.index(mark), tag, head[start + 1 : command_end], packet, tag, geometry.body_bytes)


def _seal(key: bytes, content: bytes, geometry: Geometry) -> bytes:
    padded = pad(content, geometry)
    return _mac(key, padded) + padded


def _open(key: bytes, body: bytes) -> bytes:
    padded = body[KEY_BYTES:]
    if body[:KEY_BYTES] != _mac(key, padded):
        raise PacketError(DropReason.TAGGED_PAYLOAD)
    return unpad(padded)


def _mac(key: bytes, padded: bytes) -> bytes:
    return crc32(padded, crc32(key)).to_bytes(4, "big") + _MAC_FILLER
