"""Receipts: the board's word that it stored a ballot (docs/protocol/votes.md, 7.2)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from loopixmix.errors import FormatError
from loopixmix.seams import Identity
from votes.record.signing import SIGNATURE_BYTES, PartyKey, SigningPurpose, verify_signature

_FORM = Struct(">32s32sQQI")
RECEIPT_BYTES = _FORM.size + SIGNATURE_BYTES


@dataclass(frozen=True)
class BallotReceipt:
    """The ballot of this digest is the entry `index` of the log, written at `at_s` (Unix seconds).

    A board whose log has something else there is convicted by it. `fingerprint`: of the election. `digest`: SHA-256 of
    the ballot. `highest`: the highest counter among the ballots of its credential up to this entry; if it is above the
    ballot's own, another ballot counts. It is 0 in the receipt of an opening.
    """

    fingerprint: bytes
    digest: bytes
    index: int
    at_s: int
    highest: int = 0

    def sign(self, board: PartyKey) -> bytes:
        """Return receipt and signature, 148 bytes; the same each time, since Ed25519 draws nothing."""
        message = _FORM.pack(self.fingerprint, self.digest, self.index, self.at_s, self.highest)
        return message + board.sign(SigningPurpose.RECEIPT, message)


def decode_receipt(data: bytes, board: Identity) -> BallotReceipt:
    """Read a receipt that `board` signed; raise `FormatError` or `SignatureError` if it is none."""
    if len(data) != RECEIPT_BYTES:
        raise FormatError(f"a receipt has {RECEIPT_BYTES} bytes, not {len(data)}")
    message, signature = data[: _FORM.size], data[_FORM.size :]
    verify_signature(board, signature, SigningPurpose.RECEIPT, message)
    return BallotReceipt(*_FORM.unpack(message))
