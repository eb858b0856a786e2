"""Every length of a packet, derived from two numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from loopixmix.errors import MisuseError
from loopixmix.params import NetworkParams

KEY_BYTES = 16
"""Sphinx's security parameter k: symmetric keys, MACs, replay tags."""
POINT_BYTES = 32
"""A group element: the u-coordinate of a Curve25519 point (RFC 7748)."""
NODE_ID_BYTES = 32
COMMAND_BYTES = 41
LENGTH_PREFIX_BYTES = 1
ROUTE_BYTES = LENGTH_PREFIX_BYTES + COMMAND_BYTES
"""The bytes that the innermost hop takes from the header: the length and the command."""
HOP_BYTES = ROUTE_BYTES + KEY_BYTES
"""The bytes that every other hop takes: length, command and the next MAC."""
FLAG_BYTES = 1
PADDING_MARK_BYTES = 1

MAX_HOPS = 32
MAX_PAYLOAD_BYTES = 65_536


@dataclass(frozen=True)
class Geometry:
    """The lengths of one network's packets; all packets of a network have the same.

    `hops`: nodes on the longest path, 1 to 32. `payload_bytes`: what a packet carries for its sender, 1 to 65,536.
    Raises `MisuseError` outside of these.
    """

    hops: int = 5
    payload_bytes: int = 2048

    def __post_init__(self) -> None:
        if not 1 <= self.hops <= MAX_HOPS:
            raise MisuseError(f"hops must be 1 to {MAX_HOPS}, not {self.hops}")
        if not 1 <= self.payload_bytes <= MAX_PAYLOAD_BYTES:
            raise MisuseError(f"payload_bytes must be 1 to {MAX_PAYLOAD_BYTES}, not {self.payload_bytes}")

    @classmethod
    def for_network(cls, params: NetworkParams) -> Geometry:
        """Return the lengths that the parameters in a network document ask for."""
        return cls(hops=params.hops, payload_bytes=params.payload_bytes)

    @cached_property
    def beta_bytes(self) -> int:
        """The encrypted routing commands of a full path."""
        return (self.hops - 1) * HOP_BYTES + ROUTE_BYTES

    @cached_property
    def header_bytes(self) -> int:
        """alpha (group element), beta (routing commands), gamma (MAC)."""
        return POINT_BYTES + self.beta_bytes + KEY_BYTES

    @cached_property
    def surb_bytes(self) -> int:
        """An encoded single-use reply block: first hop, header, reply key."""
        return NODE_ID_BYTES + self.header_bytes + KEY_BYTES

    @cached_property
    def content_bytes(self) -> int:
        """The most that is sealed in a body: flag, reply block, payload."""
        return FLAG_BYTES + self.surb_bytes + self.payload_bytes

    @cached_property
    def body_bytes(self) -> int:
        """delta: MAC, content, padding."""
        return KEY_BYTES + self.content_bytes + PADDING_MARK_BYTES

    @cached_property
    def packet_bytes(self) -> int:
        """The whole packet."""
        return self.header_bytes + self.body_bytes

    def path_padding_bytes(self, path_hops: int) -> int:
        """Return how many random bytes fill the innermost routing command of a path of `path_hops` nodes."""
        return (self.hops - path_hops) * HOP_BYTES
