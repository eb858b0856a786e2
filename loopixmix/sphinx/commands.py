"""Routing commands: what a packet tells each node on its way, in exactly 41 bytes.

`type u8 | address 32 | value u64 big-endian`; docs/protocol/packet.md has the table.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from loopixmix.drops import DropReason
from loopixmix.errors import MisuseError
from loopixmix.seams import Identity
from loopixmix.sphinx.errors import PacketError
from loopixmix.sphinx.geometry import COMMAND_BYTES

ADDRESS_BYTES = 32
SURB_ID_BYTES = 8
MAX_DELAY_US = 2**64 - 1

_RELAY, _DELIVER, _REPLY, _DISCARD = 1, 2, 3, 4
_RELAY_BYTE = bytes((_RELAY,))
_NO_ADDRESS = bytes(ADDRESS_BYTES)
_NO_VALUE = bytes(8)


class Relay(msgspec.Struct, frozen=True, gc=False):
    """Wait `delay_us` microseconds (0 to 2**64 - 1), then send the packet to `next_hop`."""

    next_hop: Identity
    delay_us: int

    def __post_init__(self) -> None:
        if len(self.next_hop) != ADDRESS_BYTES:
            _check_address("next hop", self.next_hop)
        if not 0 <= self.delay_us <= MAX_DELAY_US:
            raise MisuseError("a delay is 0 to 2**64 - 1 microseconds")


class Deliver(msgspec.Struct, frozen=True, gc=False):
    """Open the body and give its payload to whom `address` stands for, together with the payload.

    `loopixmix.routing.path` makes the address from the recipient and finds the recipient in it.
    """

    address: bytes

    def __post_init__(self) -> None:
        _check_address("address", self.address)


class Reply(msgspec.Struct, frozen=True, gc=False):
    """Give the still encrypted body of a reply to `recipient`, who knows its keys by the 8-byte `surb_id`."""

    recipient: bytes
    surb_id: bytes

    def __post_init__(self) -> None:
        _check_address("recipient", self.recipient)
        if len(self.surb_id) != SURB_ID_BYTES:
            raise MisuseError(f"a reply block's id has {SURB_ID_BYTES} bytes, not {len(self.surb_id)}")


class Discard(msgspec.Struct, frozen=True, gc=False):
    """Throw the packet away: it was cover."""


Command: TypeAlias = Relay | Deliver | Reply | Discard


def _check_address(what: str, address: bytes) -> None:
    if len(address) != ADDRESS_BYTES:
        raise MisuseError(f"a {what} has {ADDRESS_BYTES} bytes, not {len(address)}")


def encode_command(command: Command) -> bytes:
    """Return the 41 bytes of a command."""
    if isinstance(command, Relay):  # most are
        return _RELAY_BYTE + command.next_hop + command.delay_us.to_bytes(8, "big")
    match command:
        case Deliver(address):
            return bytes((_DELIVER,)) + address + _NO_VALUE
        case Reply(recipient, surb_id):
            return bytes((_REPLY,)) + recipient + surb_id
        case Discard():
            return bytes((_DISCARD,)) + _NO_ADDRESS + _NO_VALUE


def read_relay(data: bytes) -> tuple[Identity, int] | None:
    """Return next hop and delay in microseconds if `data` is a `Relay`, as most commands are; None otherwise.

    What `decode_command` would say of it, without a value in between.
    """
    if len(data) != COMMAND_BYTES or data[0] != _RELAY:
        return None
    return data[1:33], int.from_bytes(data[33:], "big")


def decode_command(data: bytes) -> Command:
    """Return the command in `data`.

    Raises `PacketError` (`UNKNOWN_COMMAND`) if the length is not 41, the type is none of the four, or a byte that
    the type leaves unused is not zero.
    """
    if len(data) != COMMAND_BYTES:
        raise PacketError(DropReason.UNKNOWN_COMMAND)
    address, value = data[1:33], data[33:]
    match data[0]:
        case 0x01:
            return Relay(address, int.from_bytes(value, "big"))
        case 0x02 if value == _NO_VALUE:
            return Deliver(address)
        case 0x03:
            return Reply(address, value)
        case 0x04 if value == _NO_VALUE and address == _NO_ADDRESS:
            return Discard()
        case _:
            raise PacketError(DropReason.UNKNOWN_COMMAND)
