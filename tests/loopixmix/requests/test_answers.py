"""The parts of an answer: what is encoded is decoded again, and everything else is refused."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import FormatError, MisuseError
from loopixmix.requests.answers import (
    AnswerPart,
    AnswerShare,
    RequestFailed,
    RequestOver,
    SharesMissing,
    answer_pieces,
    answer_room_bytes,
    answer_share_bytes,
    answer_shares,
    decode_answer,
    encode_answer,
    wanted_shares,
)
from loopixmix.requests.coding import MAX_SHARES, decode_shares
from loopixmix.requests.parts import MAX_BODY_BYTES


@dataclass(frozen=True)
class Size:
    payload_bytes: int = 2048
    surb_bytes: int = 370


SIZE = Size()


@given(st.binary(max_size=9000), st.integers(0, 254), st.integers(1, 65_535), st.integers(0, 65_535))
def test_a_share_is_read_back(answer: bytes, index: int, sent: int, held: int) -> None:
    [share] = answer_shares(answer, [index], SIZE)
    part = AnswerShare(len(answer), sent, held, index, share)
    payload = encode_answer(part, SIZE)
    assert len(payload) <= SIZE.payload_bytes
    assert decode_answer(payload, SIZE) == part


@pytest.mark.parametrize(
    ("part", "payload"),
    [
        (RequestFailed(), b"\x02\x01"),
        (RequestOver(), b"\x02\x02"),
        (SharesMissing(frozenset()), b"\x02\x03" + bytes(32)),
        (SharesMissing(frozenset({0, 9, 254})), b"\x02\x03\x80\x40" + bytes(29) + b"\x02"),
        (AnswerShare(3, 5, 2, 1, b"abc"), b"\x02\x00\0\0\0\x03\0\x05\0\x02\x01abc"),
        (AnswerShare(0, 1, 0, 0, b""), b"\x02\x00\0\0\0\0\0\x01\0\0\0"),
    ],
)
def test_the_other_parts_have_the_bytes_of_the_page(part: AnswerPart, payload: bytes) -> None:
    assert encode_answer(part, SIZE) == payload
    assert decode_answer(payload, SIZE) == part


@given(st.frozensets(st.integers(0, 254)))
def test_the_shares_that_came_are_read_back(received: frozenset[int]) -> None:
    assert decode_answer(encode_answer(SharesMissing(received), SIZE), SIZE) == SharesMissing(received)


def test_any_shares_of_an_answer_give_it_back() -> None:
    answer = bytes(range(256)) * 40
    indices = list(range(MAX_SHARES - answer_pieces(len(answer), SIZE), MAX_SHARES))
    shares = dict(zip(indices, answer_shares(answer, indices, SIZE), strict=True))
    assert decode_shares(shares, len(answer), answer_share_bytes(len(answer), SIZE)) == answer


def test_the_longest_answer_has_131_pieces() -> None:
    assert answer_room_bytes(SIZE) == 2037
    assert answer_pieces(MAX_BODY_BYTES, SIZE) == 129
    assert answer_pieces(0, SIZE) == 1


@pytest.mark.parametrize(
    ("pieces", "coding", "again", "wanted"),
    [(1, 0, 0, 1), (1, 1, 0, 2), (10, 0, 3, 13), (50, 13, 0, 53), (50, 26, 1, 57), (128, 255, 0, 256)],
)
def test_shares_against_loss_are_rounded_up(pieces: int, coding: int, again: int, wanted: int) -> None:
    assert wanted_shares(pieces, coding, again) == wanted


def test_more_counts_than_fit_are_told_as_the_highest() -> None:
    part = decode_answer(encode_answer(AnswerShare(0, 70_000, 70_000, 0, b""), SIZE), SIZE)
    assert part == AnswerShare(0, 65_535, 65_535, 0, b"")


@pytest.mark.parametrize(
    "part",
    [
        AnswerShare(3, 1, 0, 0, b"ab"),
        AnswerShare(3, 1, 0, 255, b"abc"),
        AnswerShare(MAX_BODY_BYTES + 1, 1, 0, 0, b"abc"),
        SharesMissing(frozenset({255})),
    ],
)
def test_what_contradicts_itself_is_not_sent(part: AnswerPart) -> None:
    with pytest.raises(MisuseError):
        encode_answer(part, SIZE)


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (b"", "shorter"),
        (b"\x02", "shorter"),
        (b"\x01\x00", "version 1"),
        (b"\x02\x04", "status 4"),
        (b"\x02\x01\x00", "status 1"),
        (b"\x02\x02\x00", "status 2"),
        (b"\x02\x03" + bytes(31), "status 3"),
        (b"\x02\x03" + bytes(33), "status 3"),
        (b"\x02\x03" + bytes(31) + b"\x01", "0 to 254"),
        (b"\x02\x00\0\0\0\x03\0\x05\0\x02", "shorter"),
        (b"\x02\x00\0\0\0\x03\0\x05\0\x02\x01ab", "length"),
        (b"\x02\x00\0\0\0\x03\0\x05\0\x02\x01abcd", "length"),
        (b"\x02\x00\0\x04\0\x01\0\x05\0\x02\x01abc", "too long"),
        (b"\x02\x00\0\0\0\x03\0\x05\0\x02\xffabc", "no share of that index"),
        (b"\x02\x00\0\0\0\x03\0\x00\0\x02\x01abc", "too long"),
    ],
)
def test_other_bytes_are_no_part_of_an_answer(payload: bytes, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint):
        decode_answer(payload, SIZE)


@given(st.binary(max_size=100))
def test_random_bytes_are_refused_or_read_and_nothing_worse(payload: bytes) -> None:
    try:
        part = decode_answer(payload, SIZE)
    except FormatError:
        return
    assert encode_answer(part, SIZE) == payload
