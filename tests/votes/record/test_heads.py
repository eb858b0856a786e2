from __future__ import annotations

import random

import pytest

from loopixmix.errors import FormatError, SignatureError
from votes.record.heads import ForkedBoardError, LogHead, check_growth, decode_head
from votes.record.merkle import MerkleTree, leaf_hash
from votes.record.signing import PartyKey

BOARD = PartyKey.generate(random.Random(1))
TREE = MerkleTree(leaf_hash(bytes([each])) for each in range(9))


def head(size: int, root: bytes | None = None, fingerprint: bytes = bytes(32)) -> LogHead:
    return LogHead(fingerprint, size, TREE.root(size) if root is None else root, 1_800_000_000)


def test_a_signed_head_comes_back_from_its_bytes() -> None:
    signed = head(5).sign(BOARD)
    assert decode_head(signed.encode(), BOARD.identity) == signed
    assert len(signed.encode()) == 144


def test_every_field_is_signed() -> None:
    data = head(5).sign(BOARD).encode()
    for place in (0, 39, 40, 79, 80, 143):
        with pytest.raises(SignatureError):
            decode_head(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], BOARD.identity)
    for wrong in (data[:-1], data + b"\0"):
        with pytest.raises(FormatError, match="144 bytes"):
            decode_head(wrong, BOARD.identity)


def test_a_log_that_grew_is_told_from_one_that_forked_or_was_shortened() -> None:
    check_growth(head(5), head(9), TREE.consistency(5))
    check_growth(head(5), head(5), ())
    with pytest.raises(ForkedBoardError, match="shortened"):
        check_growth(head(9), head(5), ())
    with pytest.raises(ForkedBoardError, match="not that of 5"):
        check_growth(head(5, bytes(32)), head(9), TREE.consistency(5))
    with pytest.raises(ForkedBoardError, match="not that of 5"):
        check_growth(head(5), head(5, bytes(32)), ())
    with pytest.raises(ForkedBoardError, match="different elections"):
        check_growth(head(5), head(9, fingerprint=b"\1" * 32), TREE.consistency(5))
