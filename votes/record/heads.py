"""Heads of the board's log: how long it is, and the root of its tree, signed (docs/protocol/votes.md, 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

from loopixmix.errors import FormatError, PeerError
from loopixmix.seams import Identity
from votes.record.merkle import proves_consistency
from votes.record.signing import SIGNATURE_BYTES, PartyKey, SigningPurpose, verify_signature

_FORM = Struct(">32sQ32sQ")
HEAD_BYTES = _FORM.size + SIGNATURE_BYTES


class ForkedBoardError(PeerError):
    """The board signed two logs of which neither continues the other: the two heads prove it."""


@dataclass(frozen=True)
class LogHead:
    """A state of the log. `fingerprint`: of the election. `size`: entries. `at_s`: Unix seconds, when it was signed."""

    fingerprint: bytes
    size: int
    root: bytes
    at_s: int

    def sign(self, board: PartyKey) -> SignedHead:
        """Sign it."""
        return SignedHead(self, board.sign(SigningPurpose.HEAD, self.encode()))

    def encode(self) -> bytes:
        """Return the 80 bytes that are signed."""
        return _FORM.pack(self.fingerprint, self.size, self.root, self.at_s)


@dataclass(frozen=True)
class SignedHead:
    """A head with its signature, which was checked or made here."""

    head: LogHead
    signature: bytes

    def encode(self) -> bytes:
        """Return head and signature, 144 bytes."""
        return self.head.encode() + self.signature


def decode_head(data: bytes, board: Identity) -> SignedHead:
    """Read a head that `board` signed; raise `FormatError` or `SignatureError` if it is none."""
    if len(data) != HEAD_BYTES:
        raise FormatError(f"a signed head has {HEAD_BYTES} bytes, not {len(data)}")
    message, signature = data[: _FORM.size], data[_FORM.size :]
    verify_signature(board, signature, SigningPurpose.HEAD, message)
    return SignedHead(LogHead(*_FORM.unpack(message)), signature)


def check_growth(before: LogHead, after: LogHead, path: Sequence[bytes]) -> None:
    """Check that the log of `after` continues that of `before`; raise `ForkedBoardError` if that is not proved.

    `path`: the consistency proof. Both heads are of one board and election.
    """
    if before.fingerprint != after.fingerprint:
        raise ForkedBoardError("the two heads are of different elections")
    if before.size > after.size:
        raise ForkedBoardError(f"the log had {before.size} entries, and now has {after.size}: it is shortened")
    if not proves_consistency(before.size, after.size, path, (before.root, after.root)):
        raise ForkedBoardError(f"the log of {after.size} entries is not that of {before.size} continued")
