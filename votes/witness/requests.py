"""What voters and auditors ask a witness (docs/protocol/votes.md, 7.5). Both sides share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loopixmix.errors import FormatError, SignatureError
from loopixmix.seams import Identity
from votes.record.heads import HEAD_BYTES, SignedHead, decode_head
from votes.record.signing import IDENTITY_BYTES

SERVICE = "witness"
"""The usual name of the service."""
MOST_HEADS = 8


@dataclass(frozen=True)
class ShownHead:
    """A head that somebody saw, and whose signature it has."""

    board: Identity
    head: SignedHead

    def encode(self) -> bytes:
        """Return board and head, 176 bytes."""
        return self.board + self.head.encode()


def decode_shown(body: bytes) -> ShownHead:
    """Read a request. Raises `FormatError`, and `SignatureError` if the board did not sign the head."""
    if len(body) != IDENTITY_BYTES + HEAD_BYTES:
        raise FormatError(f"a shown head has {IDENTITY_BYTES + HEAD_BYTES} bytes, not {len(body)}")
    board = body[:IDENTITY_BYTES]
    return ShownHead(board, decode_head(body[IDENTITY_BYTES:], board))


def encode_heads(heads: Sequence[SignedHead]) -> bytes:
    """Return an answer: the heads that the witness has seen of the same board and election."""
    return b"".join(head.encode() for head in heads)


def decode_heads(answer: bytes, board: Identity, fingerprint: bytes) -> list[SignedHead]:
    """Read an answer. Raises `FormatError` or `SignatureError`; a witness cannot make heads up."""
    count, rest = divmod(len(answer), HEAD_BYTES)
    if rest or count > MOST_HEADS:
        raise FormatError(f"an answer has at most {MOST_HEADS} heads of {HEAD_BYTES} bytes, not {len(answer)} bytes")
    heads = [decode_head(answer[at : at + HEAD_BYTES], board) for at in range(0, len(answer), HEAD_BYTES)]
    if any(head.head.fingerprint != fingerprint for head in heads):
        raise SignatureError("the witness answered with a head of another election")
    return heads
