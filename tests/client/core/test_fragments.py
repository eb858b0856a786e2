from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.core.fragments import (
    MAX_STREAM_BYTES,
    AlteredFragmentError,
    FragmentKey,
    FragmentSizes,
    fragment_id,
    open_head,
    seal_fragments,
)
from client.core.sealing import SEALING_OVERHEAD_BYTES, HpkeSealer, NotForUsError, message_info
from loopixmix.cards import SealingKey
from loopixmix.errors import FormatError, MisuseError

RNG = random.Random(5)
BOB = HpkeSealer(SealingKey.generate(RNG))
BOB_ID = b"b" * 32
SIZES = FragmentSizes(2048)
KEY = bytes(range(32))


def seal(stream: bytes, sizes: FragmentSizes = SIZES) -> list[bytes]:
    return list(
        seal_fragments(stream, recipient=BOB_ID, recipient_key=BOB.public, message_key=KEY, sealer=BOB, sizes=sizes)
    )


def join(fragments: list[bytes], sizes: FragmentSizes = SIZES) -> bytes:
    head = open_head(fragments[0], recipient=BOB_ID, sealer=BOB, sizes=sizes)
    key = FragmentKey(head.message_key)
    parts = [head.data]
    for index, fragment in enumerate(fragments[1:], 1):
        assert key.index_of(fragment_id(fragment)) == index
        parts.append(key.open(index, fragment, head.total_bytes, sizes))
    return b"".join(parts)


@given(st.integers(0, 12_000), st.sampled_from([1280, 2048, 4000]))
def test_a_message_is_put_together_again(length: int, payload_bytes: int) -> None:
    sizes = FragmentSizes(payload_bytes)
    stream = random.Random(length).randbytes(length)
    fragments = seal(stream, sizes)
    assert len(fragments) == sizes.count(length)
    assert {len(fragment) for fragment in fragments} == {payload_bytes}
    assert join(fragments, sizes) == stream


def test_the_sizes_at_the_edges() -> None:
    head, body = SIZES.head_data_bytes, SIZES.body_data_bytes
    assert [SIZES.count(total) for total in (0, head, head + 1, head + body, head + body + 1)] == [1, 1, 2, 2, 3]
    assert SIZES.data_bytes(1, head + 1) == 1
    with pytest.raises(MisuseError, match="too short"):
        FragmentSizes(SEALING_OVERHEAD_BYTES)


def test_no_two_fragments_share_their_first_bytes() -> None:
    names = {fragment_id(fragment) for fragment in seal(bytes(100_000))}
    assert len(names) == SIZES.count(100_000)


def test_a_fragment_of_another_message_is_not_recognised() -> None:
    assert FragmentKey(bytes(32)).index_of(fragment_id(seal(bytes(3000))[1])) is None


@pytest.mark.parametrize("position", [0, 700, 1400, 2047])
def test_a_changed_head_is_refused(position: int) -> None:
    head = bytearray(seal(b"hello")[0])
    head[position] ^= 4
    with pytest.raises(NotForUsError):
        open_head(bytes(head), recipient=BOB_ID, sealer=BOB, sizes=SIZES)


def test_a_changed_body_is_refused() -> None:
    fragment = bytearray(seal(bytes(3000))[1])
    fragment[900] ^= 1
    with pytest.raises(AlteredFragmentError):
        FragmentKey(KEY).open(1, bytes(fragment), 3000, SIZES)


def test_a_body_moved_to_another_place_is_refused() -> None:
    fragments = seal(bytes(6000))
    moved = FragmentKey(KEY).tag(1) + fragments[2][16:]
    with pytest.raises(AlteredFragmentError):
        FragmentKey(KEY).open(1, moved, 6000, SIZES)


def head_of(version: int, total_bytes: int, data: bytes) -> bytes:
    plaintext = bytes([version]) + KEY + total_bytes.to_bytes(4) + data
    return BOB.seal(BOB.public, message_info(BOB_ID), plaintext)


@pytest.mark.parametrize(
    ("version", "total", "data", "error"),
    [
        (2, 5, b"hello".ljust(SIZES.head_data_bytes, b"\0"), FormatError),
        (1, MAX_STREAM_BYTES + 1, bytes(SIZES.head_data_bytes), FormatError),
        (1, 4, b"hello".ljust(SIZES.head_data_bytes, b"\0"), AlteredFragmentError),
        (1, 5, b"hello", FormatError),
    ],
    ids=["version", "total", "padding", "length"],
)
def test_a_head_that_breaks_the_format_is_refused(
    version: int, total: int, data: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        open_head(head_of(version, total, data), recipient=BOB_ID, sealer=BOB, sizes=SIZES)


def test_a_body_with_other_padding_is_refused() -> None:
    fragment = FragmentKey(KEY).seal(1, b"x" * 10, SIZES)
    with pytest.raises(AlteredFragmentError):
        FragmentKey(KEY).open(1, fragment, SIZES.head_data_bytes + 9, SIZES)


def test_a_message_that_is_too_long_is_not_sealed() -> None:
    with pytest.raises(MisuseError):
        seal(bytes(MAX_STREAM_BYTES + 1))
    with pytest.raises(MisuseError):
        FragmentKey(b"short")


def test_secrets_are_not_shown() -> None:
    head = open_head(seal(b"marked secret")[0], recipient=BOB_ID, sealer=BOB, sizes=SIZES)
    assert "marked" not in repr(head)
    assert "x00" not in repr(head)
