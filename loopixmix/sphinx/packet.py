"""The values around a packet: hops, reply blocks and their keys, what unwrapping gives."""

from __future__ import annotations

import msgspec

from loopixmix.errors import FormatError, MisuseError
from loopixmix.seams import Identity
from loopixmix.sphinx.commands import Command
from loopixmix.sphinx.geometry import KEY_BYTES, MAX_HOPS, NODE_ID_BYTES, POINT_BYTES, Geometry


class Hop(msgspec.Struct, frozen=True, gc=False):
    """One node of a path: its X25519 mix key and what it is told."""

    public_key: bytes
    command: Command

    def __post_init__(self) -> None:
        if len(self.public_key) != POINT_BYTES:
            raise MisuseError(f"a mix key has {POINT_BYTES} bytes, not {len(self.public_key)}")


class Surb(msgspec.Struct, frozen=True, gc=False):
    """A single-use reply block: its holder can send one packet to its maker, without knowing the way there.

    `first_hop` is the node the packet is handed to; `reply_key` (the paper's k-tilde) seals the reply.
    """

    first_hop: Identity
    header: bytes
    reply_key: bytes

    def __repr__(self) -> str:
        return f"Surb(first_hop={self.first_hop!r})"

    def __post_init__(self) -> None:
        if len(self.first_hop) != NODE_ID_BYTES or len(self.reply_key) != KEY_BYTES:
            raise MisuseError("a reply block has a 32-byte first hop and a 16-byte key")

    def encode(self) -> bytes:
        """Return `first hop | header | reply key`."""
        return self.first_hop + self.header + self.reply_key


def decode_surb(data: bytes, geometry: Geometry) -> Surb:
    """Return the reply block in `data`; raise `FormatError` if the length is not `geometry.surb_bytes`."""
    if len(data) != geometry.surb_bytes:
        raise FormatError(f"a reply block has {geometry.surb_bytes} bytes, not {len(data)}")
    return Surb(data[:NODE_ID_BYTES], data[NODE_ID_BYTES:-KEY_BYTES], data[-KEY_BYTES:])


class SurbKeys(msgspec.Struct, frozen=True, gc=False):
    """The keys that open the reply to a reply block: its own and the payload key of each hop, in order."""

    reply_key: bytes
    payload_keys: tuple[bytes, ...]

    def __repr__(self) -> str:
        return "SurbKeys()"

    def __post_init__(self) -> None:
        keys = (self.reply_key, *self.payload_keys)
        if not 2 <= len(keys) <= 1 + MAX_HOPS or set(map(len, keys)) != {KEY_BYTES}:
            raise MisuseError(f"a reply is opened with {KEY_BYTES}-byte keys: one, and one for each of 1 to 32 hops")

    def encode(self) -> bytes:
        """Return the reply key and the payload keys, one after the other, for the client's store."""
        return self.reply_key + b"".join(self.payload_keys)

    @classmethod
    def decode(cls, data: bytes) -> SurbKeys:
        """Return the keys that `encode` wrote; raise `FormatError` if `data` cannot be that."""
        keys = [data[start : start + KEY_BYTES] for start in range(0, len(data), KEY_BYTES)]
        try:
            return cls(keys[0], tuple(keys[1:]))
        except (IndexError, MisuseError) as error:
            raise FormatError("these are not the keys of a reply block") from error


class Unwrapped(msgspec.Struct, frozen=True, gc=False):
    """One layer taken off a packet.

    `key_index`: which of the private keys fitted. `replay_tag`: 16 bytes, the same whenever the same packet comes to
    the same key; look it up before anything else is done. `command`: 41 bytes for `decode_command`. `packet`: what
    goes to the next hop, as long as the one that came. `payload_key`: opens the body at the last hop.
    """

    key_index: int
    replay_tag: bytes
    command: bytes
    packet: bytes
    payload_key: bytes
    body_bytes: int

    @property
    def body(self) -> bytes:
        """The packet's body, with this node's layer taken off."""
        return self.packet[-self.body_bytes :]

    def __repr__(self) -> str:
        return f"Unwrapped(key_index={self.key_index})"


class Payload(msgspec.Struct, frozen=True, gc=False):
    """The content of a forward packet: a reply block, if its sender wants an answer, and the payload."""

    surb: Surb | None
    payload: bytes

    def __repr__(self) -> str:
        return f"Payload(surb={self.surb!r})"
