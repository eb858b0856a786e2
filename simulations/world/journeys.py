"""The identity of packets on their way: the ground truth that no node and no observer of the wires has.

Packets get a number that stays the same from hop to hop. Where the cryptography is left out it can be read in them;
real Sphinx packets are followed by a `TracingArithmetic`, which sees them before and after each unwrapping.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from loopixmix.drops import DropReason
from loopixmix.sphinx import Geometry, SurbKeys, Unwrapped
from loopixmix.sphinx.arithmetic import Arithmetic, Route
from loopixmix.sphinx.geometry import POINT_BYTES

_NUMBER_BYTES = 8
_RELAY = 1


class Numbers(Protocol):
    """The number of a packet, by what can be seen of it."""

    def of_tag(self, replay_tag: bytes) -> int:
        """Return the number of the packet that has this replay tag at a node; asked once for each tag."""

    def of_frame(self, frame: bytes) -> int:
        """Return the number of the packet in a frame that its sender hands over; asked once for each packet."""

    def under_way(self, frame: bytes) -> int | None:
        """Return the number of the packet in a frame that is under way; None if it is not known."""

    def of_lost(self, frame: bytes) -> int | None:
        """Return the number of the packet in a frame that a link lost; None if it is not known."""


class PlainNumbers:
    """The numbers that `simulations.world.arithmetic` writes into its packets."""

    def of_tag(self, replay_tag: bytes) -> int:
        """Return the number of the packet with this replay tag."""
        return int.from_bytes(replay_tag[:_NUMBER_BYTES], "big")

    def of_frame(self, frame: bytes) -> int:
        """Return the number of the packet in a frame."""
        return int.from_bytes(frame[1 : 1 + _NUMBER_BYTES], "big")

    def under_way(self, frame: bytes) -> int | None:
        """Return the number of the packet in a frame that is under way."""
        return self.of_frame(frame)

    def of_lost(self, frame: bytes) -> int | None:
        """Return the number of the packet in a frame that a link lost."""
        return self.of_frame(frame)


class TracingArithmetic:
    """Another arithmetic, whose packets it follows through the network (`Arithmetic` and `Numbers`).

    A packet is known again by its group element, which every unwrapping turns into the next hop's. A replayed packet
    would be taken for a new one.
    """

    def __init__(self, inner: Arithmetic) -> None:
        """`inner`: the arithmetic that does the work."""
        self._inner = inner
        self.name = inner.name
        self._count = 0
        self._of_element: dict[bytes, int] = {}
        self._of_tag: dict[bytes, int] = {}

    def of_tag(self, replay_tag: bytes) -> int:
        """Return the number of the packet with this replay tag, and forget the tag."""
        return self._of_tag.pop(replay_tag)

    def of_frame(self, frame: bytes) -> int:
        """Return the number of the packet in a frame that its sender hands over: a new one."""
        self._count += 1
        self._of_element[frame[1 : 1 + POINT_BYTES]] = self._count
        return self._count

    def under_way(self, frame: bytes) -> int | None:
        """Return the number of the packet in a frame that is under way; None for one that no user sent."""
        return self._of_element.get(frame[1 : 1 + POINT_BYTES])

    def of_lost(self, frame: bytes) -> int | None:
        """Return the number of the packet in a frame that a link lost, and forget the packet."""
        return self._of_element.pop(frame[1 : 1 + POINT_BYTES], None)

    def create_header(self, route: Route, geometry: Geometry) -> tuple[bytes, tuple[bytes, ...]]:
        """Return the header and each hop's payload key."""
        return self._inner.create_header(route, geometry)

    def wrap(self, route: Route, content: bytes, geometry: Geometry) -> bytes:
        """Return a packet that takes `content` to the end of the route."""
        return self._inner.wrap(route, content, geometry)

    def use_surb(self, reply_key: bytes, payload: bytes, geometry: Geometry) -> bytes:
        """Return the body that goes with a reply block's header."""
        return self._inner.use_surb(reply_key, payload, geometry)

    def open_reply(self, keys: SurbKeys, body: bytes, geometry: Geometry) -> bytes:
        """Return the payload of a reply; raise `PacketError`."""
        return self._inner.open_reply(keys, body, geometry)

    def open_body(self, payload_key: bytes, body: bytes, geometry: Geometry) -> bytes:
        """Return the content of a body at its last hop; raise `PacketError`."""
        return self._inner.open_body(payload_key, body, geometry)

    def unwrap_many(
        self, private_keys: Sequence[bytes], packets: Sequence[bytes], geometry: Geometry, threads: int
    ) -> list[Unwrapped | DropReason]:
        """Take one layer off each packet, and note which packet has become which."""
        results = self._inner.unwrap_many(private_keys, packets, geometry, threads)
        for packet, result in zip(packets, results, strict=True):
            if isinstance(result, Unwrapped):
                number = self._of_element.pop(packet[:POINT_BYTES], None)
                if number is None:
                    self._count = number = self._count + 1
                self._of_tag[result.replay_tag] = number
                if result.command[0] == _RELAY:
                    self._of_element[result.packet[:POINT_BYTES]] = number
        return results
