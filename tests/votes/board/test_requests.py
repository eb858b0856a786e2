from __future__ import annotations

import random

import pytest

from loopixmix.errors import FormatError, SignatureError
from votes.board.requests import (
    MOST_PART_BYTES,
    AskCast,
    AskChallenge,
    AskConsistency,
    AskFind,
    AskInclusion,
    AskPart,
    AskSignatures,
    AskState,
    BoardRefusal,
    BoardRefused,
    BoardState,
    HeadAndPath,
    RequestKind,
    VoterRequest,
    decode_answer,
    decode_head_and_path,
    decode_request,
    decode_state,
    encode_answer,
    encode_request,
)
from votes.record.heads import LogHead
from votes.record.phases import Phase
from votes.record.signing import PartyKey

BOARD = PartyKey.generate(random.Random(1))
HEAD = LogHead(bytes(range(32)), 5, bytes(32), 1_800_000_000).sign(BOARD)
REQUESTS: list[tuple[VoterRequest, str]] = [
    (AskState(), "01"),
    (AskPart(RequestKind.RECORD, 258, 16), "02" + "00000102" + "00000010"),
    (AskCast(b"ab"), "03" + "6162"),
    (AskFind(bytes(32)), "04" + "00" * 32),
    (AskInclusion(258, 259), "05" + "0000000000000102" + "0000000000000103"),
    (AskConsistency(258), "06" + "0000000000000102" + "0000000000000000"),
    (AskChallenge(b"ab"), "07" + "6162"),
    (AskPart(RequestKind.RESULT, 0, 1), "08" + "00000000" + "00000001"),
    (AskSignatures(), "09"),
]


@pytest.mark.parametrize(("request_", "encoded"), REQUESTS)
def test_a_request_has_the_bytes_of_the_page(request_: VoterRequest, encoded: str) -> None:
    assert encode_request(request_).hex() == encoded
    assert decode_request(bytes.fromhex(encoded)) == request_


@pytest.mark.parametrize(
    "encoded", ["", "00", "0a", "ff", "0900", "0100", "02", "0200000000", "0500", "06" + "00" * 17]
)
def test_a_malformed_request_is_refused(encoded: str) -> None:
    with pytest.raises(FormatError):
        decode_request(bytes.fromhex(encoded))


def test_lengths_in_requests_are_bounded() -> None:
    for length in (0, MOST_PART_BYTES + 1):
        with pytest.raises(FormatError, match="a part has 1 to"):
            decode_request(encode_request(AskPart(RequestKind.RECORD, 0, length)))
    for wrong in (bytes(31), bytes(33)):
        with pytest.raises(FormatError, match="a digest has 32 bytes"):
            decode_request(encode_request(AskFind(wrong)))


def test_a_state_is_believed_if_the_board_signed_its_head() -> None:
    state = BoardState(HEAD.head.fingerprint, 1000, 0, Phase.OPEN, HEAD)
    data = state.encode()
    assert decode_state(data, BOARD.identity) == state
    assert data[32:41].hex() == "000003e8" + "00000000" + "04"
    for wrong in (data[:-1], data + b"\0", data[:40] + b"\x0a" + data[41:], b"\1" + data[1:]):
        with pytest.raises(FormatError):
            decode_state(wrong, BOARD.identity)
    with pytest.raises(SignatureError):
        decode_state(data[:-1] + bytes([data[-1] ^ 1]), BOARD.identity)


def test_a_proof_comes_with_the_head_that_it_is_for() -> None:
    proof = HeadAndPath(HEAD, (bytes(32), b"\1" * 32))
    data = proof.encode()
    assert decode_head_and_path(data, BOARD.identity) == proof
    assert decode_head_and_path(HeadAndPath(HEAD, ()).encode(), BOARD.identity).path == ()
    for wrong in (data[:-1], data + b"\0", data[:144], data[:144] + b"\x42" + bytes(66 * 32)):
        with pytest.raises(FormatError):
            decode_head_and_path(wrong, BOARD.identity)
    with pytest.raises(SignatureError):
        decode_head_and_path(bytes([data[0] ^ 1]) + data[1:], BOARD.identity)


def test_an_answer_is_a_content_or_a_plain_reason() -> None:
    for answer in (b"", b"content", BoardRefused(BoardRefusal.LATE, "closed; zu spät")):
        assert decode_answer(encode_answer(answer)) == answer
    doubled = BoardRefused(BoardRefusal.DOUBLED, "another one", 258)
    assert encode_answer(doubled) == b"\5\0\0\1\2another one"
    assert decode_answer(encode_answer(doubled)) == doubled
    for wrong in (b"", b"\x0areason", b"\x03\xff", b"\x05\0\0\1"):
        with pytest.raises(FormatError):
            decode_answer(wrong)
