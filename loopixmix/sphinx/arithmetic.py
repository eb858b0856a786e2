"""The arithmetic of Sphinx, without randomness, checks of the caller or meaning, and what it works on.

The functions of `loopixmix.sphinx` check arguments, draw what is random, and then call an arithmetic, which therefore
gets valid lengths and public keys. All that are made for deployed nodes give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from loopixmix.drops import DropReason
from loopixmix.sphinx.geometry import Geometry
from loopixmix.sphinx.packet import SurbKeys, Unwrapped


class Route(msgspec.Struct, frozen=True, gc=False):
    """A path ready for the arithmetic: each hop's mix key, each hop's encoded command, and the sender's random values.

    `secret` is the 32-byte private scalar x of the paper; `padding` fills the innermost routing command.
    """

    public_keys: tuple[bytes, ...]
    commands: tuple[bytes, ...]
    secret: bytes
    padding: bytes

    def __repr__(self) -> str:
        return f"Route(public_keys={self.public_keys!r}, commands={self.commands!r})"


class Arithmetic(Protocol):
    """One implementation of Sphinx. It keeps nothing, so one value serves every geometry."""

    @property
    def name(self) -> str:
        """Its name for operators and in status files."""

    def create_header(self, route: Route, geometry: Geometry) -> tuple[bytes, tuple[bytes, ...]]:
        """Return the header and each hop's payload key."""

    def wrap(self, route: Route, content: bytes, geometry: Geometry) -> bytes:
        """Return a packet that takes `content` to the end of the route."""

    def use_surb(self, reply_key: bytes, payload: bytes, geometry: Geometry) -> bytes:
        """Return the body that goes with a reply block's header."""

    def open_reply(self, keys: SurbKeys, body: bytes, geometry: Geometry) -> bytes:
        """Return the payload of a reply; raise `PacketError`."""

    def open_body(self, payload_key: bytes, body: bytes, geometry: Geometry) -> bytes:
        """Return the content of a forward packet's body at its last hop; raise `PacketError`."""

    def unwrap_many(
        self, private_keys: Sequence[bytes], packets: Sequence[bytes], geometry: Geometry, threads: int
    ) -> list[Unwrapped | DropReason]:
        """Take one layer off each packet."""


@dataclass(frozen=True)
class Sphinx:
    """Sphinx as one network uses it: the lengths of its packets, and the arithmetic that makes and unwraps them."""

    geometry: Geometry
    arithmetic: Arithmetic = field(repr=False)
