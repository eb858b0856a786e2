"""Routing commands: exactly 41 bytes, and nothing in them is ignored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.drops import DropReason
from loopixmix.errors import MisuseError
from loopixmix.sphinx import (
    Command,
    Deliver,
    Discard,
    PacketError,
    Relay,
    Reply,
    decode_command,
    encode_command,
)

ADDRESS = bytes(range(32))
CASES = [
    (Relay(ADDRESS, 0), b"\x01" + ADDRESS + bytes(8)),
    (Relay(ADDRESS, 1_000_000), b"\x01" + ADDRESS + bytes.fromhex("00000000000f4240")),
    (Relay(ADDRESS, 2**64 - 1), b"\x01" + ADDRESS + b"\xff" * 8),
    (Deliver(ADDRESS), b"\x02" + ADDRESS + bytes(8)),
    (Reply(ADDRESS, b"12345678"), b"\x03" + ADDRESS + b"12345678"),
    (Discard(), b"\x04" + bytes(40)),
]


@pytest.mark.parametrize(("command", "encoded"), CASES)
def test_a_command_has_one_encoding(command: Command, encoded: bytes) -> None:
    assert encode_command(command) == encoded
    assert decode_command(encoded) == command


@given(
    st.integers(0, 5),
    st.just(bytes(32)) | st.binary(min_size=32, max_size=32),
    st.just(bytes(8)) | st.binary(min_size=8, max_size=8),
)
def test_whatever_decodes_encodes_to_the_same_bytes(kind: int, address: bytes, value: bytes) -> None:
    data = bytes([kind]) + address + value
    valid = data[0] in (1, 3) or (data[0] == 2 and data[33:] == bytes(8)) or data == b"\x04" + bytes(40)
    if valid:
        assert encode_command(decode_command(data)) == data
    else:
        with pytest.raises(PacketError) as caught:
            decode_command(data)
        assert caught.value.reason is DropReason.UNKNOWN_COMMAND


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x01" + bytes(39),
        b"\x01" + bytes(41),
        b"\x04" + bytes(41),
        *(bytes([kind]) + bytes(40) for kind in (0, *range(5, 256))),
    ],
)
def test_a_wrong_length_or_type_is_an_unknown_command(data: bytes) -> None:
    with pytest.raises(PacketError) as caught:
        decode_command(data)
    assert caught.value.reason is DropReason.UNKNOWN_COMMAND


@pytest.mark.parametrize(
    ("command", "reserved"), [(Deliver(ADDRESS), range(33, 41)), (Discard(), range(1, 41))], ids=["deliver", "discard"]
)
def test_a_reserved_byte_that_is_not_zero_is_an_unknown_command(command: Command, reserved: range) -> None:
    for position in reserved:
        data = bytearray(encode_command(command))
        data[position] = 1
        with pytest.raises(PacketError) as caught:
            decode_command(bytes(data))
        assert caught.value.reason is DropReason.UNKNOWN_COMMAND


def test_a_command_that_cannot_be_encoded_cannot_be_made() -> None:
    for address in (b"", ADDRESS[:31], ADDRESS + b"\x00"):
        with pytest.raises(MisuseError, match="32 bytes"):
            Relay(address, 0)
        with pytest.raises(MisuseError, match="32 bytes"):
            Deliver(address)
        with pytest.raises(MisuseError, match="32 bytes"):
            Reply(address, bytes(8))
    for surb_id in (b"", bytes(7), bytes(9)):
        with pytest.raises(MisuseError, match="8 bytes"):
            Reply(ADDRESS, surb_id)
    for delay_us in (-1, 2**64):
        with pytest.raises(MisuseError, match="microseconds"):
            Relay(ADDRESS, delay_us)
