from __future__ import annotations

import asyncio

import pytest

from loopixmix.bounds import BoundedMap
from loopixmix.errors import FormatError, SignatureError
from provider.api import ServiceRefusedError
from votes.record.heads import LogHead, SignedHead
from votes.record.signing import PartyKey
from votes.witness.requests import MOST_HEADS, ShownHead, decode_heads, decode_shown, encode_heads
from votes.witness.service import WitnessService

BOARD = PartyKey(b"b" * 32)
ELECTION = b"f" * 32


def head(size: int, root: bytes = b"r" * 32, *, election: bytes = ELECTION) -> SignedHead:
    return LogHead(election, size, root, 1_800_000_000).sign(BOARD)


class Witness:
    """A witness, and those who ask it."""

    def __init__(self) -> None:
        self.service = WitnessService(None)  # type: ignore[arg-type]  # it needs nothing

    def show(self, shown: SignedHead) -> list[SignedHead]:
        body = ShownHead(BOARD.identity, shown).encode()
        answer = asyncio.run(self.service.answer(body))
        return decode_heads(answer, BOARD.identity, shown.head.fingerprint)


def test_who_shows_a_head_is_told_those_of_others() -> None:
    witness = Witness()
    assert witness.show(head(3)) == [head(3)]
    assert witness.show(head(5)) == [head(3), head(5)]
    assert witness.show(head(5)) == [head(3), head(5)]


def test_two_heads_of_one_size_are_both_told() -> None:
    witness = Witness()
    witness.show(head(3, b"a" * 32))
    assert len(witness.show(head(3, b"b" * 32))) == 2


def test_elections_are_kept_apart() -> None:
    witness = Witness()
    witness.show(head(3))
    assert witness.show(head(4, election=b"g" * 32)) == [head(4, election=b"g" * 32)]


def test_the_newest_heads_stay() -> None:
    witness = Witness()
    for size in range(1, 20):
        known = witness.show(head(size))
    assert [each.head.size for each in known] == list(range(12, 20))
    assert len(known) == MOST_HEADS


def test_what_the_board_did_not_sign_is_refused() -> None:
    witness, other = Witness(), PartyKey(b"c" * 32)
    for body in (b"", ShownHead(other.identity, head(3)).encode(), ShownHead(BOARD.identity, head(3)).encode() + b"x"):
        with pytest.raises(ServiceRefusedError, match="no head that a board signed"):
            asyncio.run(witness.service.answer(body))


def test_a_witness_cannot_make_heads_up() -> None:
    other = LogHead(ELECTION, 3, b"r" * 32, 0).sign(PartyKey(b"c" * 32))
    with pytest.raises(SignatureError):
        decode_heads(encode_heads([other]), BOARD.identity, ELECTION)
    with pytest.raises(SignatureError, match="another election"):
        decode_heads(encode_heads([head(3, election=b"g" * 32)]), BOARD.identity, ELECTION)
    for answer in (b"x", encode_heads([head(3)] * 9)):
        with pytest.raises(FormatError):
            decode_heads(answer, BOARD.identity, ELECTION)


def test_a_request_is_read_as_it_was_written() -> None:
    shown = ShownHead(BOARD.identity, head(3))
    assert decode_shown(shown.encode()) == shown


def test_a_flood_of_made_up_elections_stays_bounded() -> None:
    witness = Witness()
    for number in range(40):
        witness.show(head(1, election=number.to_bytes(32, "big")))
    assert len(witness.service._elections) == 40
    witness.service._elections = BoundedMap(10)
    for number in range(40):
        witness.show(head(1, election=number.to_bytes(32, "big")))
    assert len(witness.service._elections) == 10
