"""The frames as values."""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec

WIRE_VERSION = 1
"""The version this code speaks; a peer with any other is refused."""

NETWORK_ID_BYTES = 16
GEOMETRY_DIGEST_BYTES = 16
SURB_ID_BYTES = 8
NO_SURB_ID = bytes(SURB_ID_BYTES)
MAX_NAME_BYTES = 64
MAX_INVITATION_BYTES = 255


class LinkRole(enum.IntEnum):
    """The part that one end of a link plays in the network."""

    CLIENT = 1
    MIX = 2
    PROVIDER = 3


class ItemKind(enum.IntEnum):
    """The content of an item in a pull's answer."""

    DUMMY = 0
    MESSAGE = 1
    REPLY = 2


class RegisterRefusal(enum.IntEnum):
    """Why a provider does not serve this client."""

    CLOSED = 1
    BAD_INVITATION = 2
    BAD_NAME = 3
    NAME_TAKEN = 4
    KEY_TAKEN = 5
    BAD_CARD = 6
    RATE_LIMITED = 7
    FULL = 8
    NOT_REGISTERED = 9
    BAD_TOKEN = 10


class Hello(msgspec.Struct, frozen=True):
    """The first frame of each side: which protocol, network and geometry it speaks."""

    version: int
    network_id: bytes
    geometry_digest: bytes
    role: LinkRole


class Packet(msgspec.Struct, frozen=True, gc=False):
    """One Sphinx packet."""

    packet: bytes


class Pull(msgspec.Struct, frozen=True):
    """A client asks for items and names, by their nonzero ids, those it has stored safely."""

    request_id: int
    acknowledged: tuple[int, ...]


class Item(msgspec.Struct, frozen=True, gc=False):
    """One answer to a pull; `body` always has the geometry's `body_bytes`.

    A dummy has item id 0, and nothing else has; a reply has a SURB id, all others eight zero bytes.
    """

    request_id: int
    item_id: int
    kind: ItemKind
    surb_id: bytes
    body: bytes


class Register(msgspec.Struct, frozen=True):
    """A client asks for an account under `name`, for the identity key of its link."""

    name: str
    invitation: str
    card: bytes


class RegisterGuest(msgspec.Struct, frozen=True):
    """A client asks for an account without a name, for the identity key of its link; the token may be empty."""

    token: bytes = msgspec.field(default=b"")


class Registered(msgspec.Struct, frozen=True):
    """The account exists and belongs to this link's identity key."""


class RegisterRefused(msgspec.Struct, frozen=True):
    """There is no account for this link's identity key, and why."""

    reason: RegisterRefusal


class Dummy(msgspec.Struct, frozen=True):
    """Nothing, in the size of everything."""


Frame: TypeAlias = Hello | Packet | Pull | Item | Register | RegisterGuest | Registered | RegisterRefused | Dummy
