"""The parts of a request: what is encoded is decoded again, and everything else is refused."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import FormatError, MisuseError
from loopixmix.requests.coding import encode_shares
from loopixmix.requests.parts import (
    MAX_BODY_BYTES,
    NO_SHARE,
    RequestHead,
    RequestPart,
    blocks_beside,
    check_content,
    decode_part,
    encode_part,
    part_room_bytes,
    request_content,
    request_head,
    split_content,
)


@dataclass(frozen=True)
class Size:
    payload_bytes: int = 2048
    surb_bytes: int = 370


SIZE = Size()
REQUEST_ID = bytes(range(16))
KEY = bytes(range(16, 32))
HEAD_BYTES = 54


def head_of(body: bytes, last_epoch: int = 7) -> RequestHead:
    return request_head(REQUEST_ID, request_content(KEY, body), last_epoch=last_epoch, size=SIZE)


@given(
    st.binary(max_size=9000),
    st.integers(0, 2**64 - 1),
    st.integers(0, 255),
    st.integers(0, 5),
    st.integers(0, 255),
    st.integers(0, 65_535),
    st.booleans(),
)
def test_a_part_is_read_back(
    body: bytes, last_epoch: int, index: int, block_count: int, coding: int, again: int, report: bool
) -> None:
    content = request_content(KEY, body)
    head = request_head(REQUEST_ID, content, last_epoch=last_epoch, size=SIZE)
    share = b"" if index == NO_SHARE else encode_shares(content, head.share_bytes, [index])[0]
    blocks = tuple(bytes([number]) * 370 for number in range(min(block_count, blocks_beside(len(share), SIZE))))
    part = RequestPart(head, index, share, blocks, min(2, last_epoch), coding, again, report)
    payload = encode_part(part, SIZE)
    assert len(payload) <= SIZE.payload_bytes
    assert decode_part(payload, SIZE) == part


def test_a_part_has_the_bytes_of_the_page() -> None:
    head = head_of(b"hello")
    digest = hashlib.sha256(b"loopixmix/request/content/v2:" + REQUEST_ID + KEY + b"hello").digest()[:16]
    part = RequestPart(head, 3, KEY + b"hello", (bytes(370),), blocks_end=1, coding=13, again=2, report=True)
    assert encode_part(part, SIZE) == b"".join(
        [
            *(b"\x02", b"\x01", REQUEST_ID, digest, (7).to_bytes(8), (21).to_bytes(4), (21).to_bytes(2)),
            *(b"\x0d", b"\x00\x02", b"\x01", b"\x03", b"\x01", KEY, b"hello", bytes(370)),
        ]
    )
    assert part.blocks_epoch == 6


def test_a_content_keeps_key_and_body_apart() -> None:
    assert split_content(request_content(KEY, b"body")) == (KEY, b"body")
    with pytest.raises(MisuseError, match="16 bytes"):
        request_content(KEY[1:], b"")
    with pytest.raises(MisuseError, match="at most 262144"):
        request_content(KEY, bytes(MAX_BODY_BYTES + 1))


def test_a_short_request_has_room_for_five_further_blocks() -> None:
    assert part_room_bytes(SIZE) == 2048 - HEAD_BYTES
    assert blocks_beside(16, SIZE) == 5
    assert blocks_beside(part_room_bytes(SIZE), SIZE) == 0
    assert head_of(b"").pieces == 1
    assert head_of(bytes(MAX_BODY_BYTES)).pieces == 132


def test_the_content_of_another_request_is_noticed() -> None:
    check_content(head_of(b"hello"), KEY + b"hello")
    with pytest.raises(FormatError):
        check_content(head_of(b"hello"), KEY + b"hallo")


def test_names_and_keys_of_kept_answers_differ_by_service_id_and_content() -> None:
    heads = [head_of(b"a"), head_of(b"b"), msgspec.structs.replace(head_of(b"a"), request_id=bytes(16))]
    services = (bytes(32), bytes([1]) * 32)
    made = [head.kept_name(service) for head in heads for service in services]
    made += [head.seal_key(service) for head in heads for service in services]
    assert len(set(made)) == len(made)
    # What may differ between the copies of a request does not count.
    assert head_of(b"a", last_epoch=8).kept_name(bytes(32)) == head_of(b"a").kept_name(bytes(32))


@pytest.mark.parametrize(
    "part",
    [
        RequestPart(head_of(b"hello"), 0, KEY + b"hell"),
        RequestPart(head_of(b"hello"), NO_SHARE, KEY + b"hello"),
        RequestPart(head_of(b"hello"), 256, KEY + b"hello"),
        RequestPart(head_of(b"hello"), -1, KEY + b"hello"),
        RequestPart(head_of(b"hello"), 0, KEY + b"hello", (bytes(369),)),
        RequestPart(head_of(b"hello"), 0, KEY + b"hello", (bytes(370),) * 6),
    ],
)
def test_what_contradicts_itself_is_not_sent(part: RequestPart) -> None:
    with pytest.raises(MisuseError):
        encode_part(part, SIZE)


def altered(at: int, to: bytes, *, cut: int = 0, more: bytes = b"") -> bytes:
    payload = encode_part(RequestPart(head_of(b"hello"), 0, KEY + b"hello", (bytes(370),)), SIZE)
    payload = payload[:at] + to + payload[at + len(to) :]
    return payload[: len(payload) - cut] + more


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (b"", "shorter"),
        (altered(0, b"")[: HEAD_BYTES - 1], "shorter"),
        (altered(0, b"\x01"), "version 1"),
        (altered(0, b"\x03"), "version 3"),
        (altered(1, b"\x02"), "flags 2"),
        (altered(1, b"\x80"), "flags 128"),
        (altered(42, (15).to_bytes(4)), "15 bytes is too long or too short"),
        (altered(42, (MAX_BODY_BYTES + 17).to_bytes(4)), "too long or too short"),
        (altered(42, (2**32 - 1).to_bytes(4)), "too long or too short"),
        (altered(46, (0).to_bytes(2)), "no shares of 0"),
        (altered(46, (20).to_bytes(2)), "no shares of 20"),
        (altered(46, (22).to_bytes(2)), "no shares of 22"),
        (altered(46, (65_535).to_bytes(2)), "no shares of 65535"),
        (altered(51, b"\x08"), "before the first epoch"),
        (altered(52, b"\xff"), "length"),
        (altered(53, b"\x00"), "length"),
        (altered(53, b"\x02"), "length"),
        (altered(53, b"\xff"), "length"),
        (altered(0, b"", cut=1), "length"),
        (altered(0, b"", more=b"\0"), "length"),
    ],
)
def test_other_bytes_are_no_part(payload: bytes, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint):
        decode_part(payload, SIZE)


@given(st.binary(max_size=500))
def test_random_bytes_are_refused_and_nothing_worse(payload: bytes) -> None:
    with pytest.raises(FormatError):
        decode_part(payload, SIZE)
