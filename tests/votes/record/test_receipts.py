from __future__ import annotations

import random

import pytest

from loopixmix.errors import FormatError, SignatureError
from votes.record.receipts import BallotReceipt, decode_receipt
from votes.record.signing import PartyKey

BOARD = PartyKey.generate(random.Random(1))
RECEIPT = BallotReceipt(bytes(range(32)), bytes(32), 258, 1_800_000_000, 3)


def test_a_receipt_is_the_same_each_time_and_comes_back_from_its_bytes() -> None:
    data = RECEIPT.sign(BOARD)
    assert data == RECEIPT.sign(BOARD)
    assert decode_receipt(data, BOARD.identity) == RECEIPT
    assert data[64:84].hex() == "0000000000000102" + "000000006b49d200" + "00000003"


def test_every_field_is_signed() -> None:
    data = RECEIPT.sign(BOARD)
    for place in (0, 32, 64, 79, 80, 83, 84, 147):
        with pytest.raises(SignatureError):
            decode_receipt(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], BOARD.identity)
    for wrong in (data[:-1], data + b"\0"):
        with pytest.raises(FormatError, match="148 bytes"):
            decode_receipt(wrong, BOARD.identity)
