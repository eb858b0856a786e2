"""The entries of the board's log (docs/protocol/votes.md, 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct

from loopixmix.errors import FormatError, SignatureError
from loopixmix.seams import Identity
from votes.record.election import MOST_RECORD_BYTES
from votes.record.signing import SIGNATURE_BYTES, PartyKey, SigningPurpose, verify_signature
from votes.record.statements import MOST_STATEMENT_BYTES

_HEAD = Struct(">BQI")


class EntryKind(IntEnum):
    """What an entry is."""

    RECORD = 1
    TRANSITION = 2
    BALLOT = 3
    EXCLUSION = 4
    MIX = 5
    SHARES = 6
    RESULT = 7
    CHALLENGE = 8
    ERASURE = 9
    APPROVAL = 10
    LISTS = 11
    OBJECTION = 12


_STATEMENT = SIGNATURE_BYTES + MOST_STATEMENT_BYTES
MOST_BODY_BYTES: Mapping[EntryKind, int] = {
    EntryKind.RECORD: SIGNATURE_BYTES + MOST_RECORD_BYTES,
    EntryKind.TRANSITION: _STATEMENT,
    EntryKind.BALLOT: 196_608,
    EntryKind.EXCLUSION: _STATEMENT,
    EntryKind.MIX: _STATEMENT,
    EntryKind.SHARES: _STATEMENT,
    EntryKind.RESULT: _STATEMENT,
    EntryKind.CHALLENGE: 196_608,
    EntryKind.ERASURE: _STATEMENT,
    EntryKind.APPROVAL: _STATEMENT,
    EntryKind.LISTS: _STATEMENT,
    EntryKind.OBJECTION: _STATEMENT,
}
"""The longest bodies. A ballot, or the opening of one, has to fit into a request."""


@dataclass(frozen=True)
class Entry:
    """One entry. `at_s`: Unix seconds, when it was written; 0 to 2^64 - 1."""

    kind: EntryKind
    at_s: int
    body: bytes

    def encode(self) -> bytes:
        """Return the bytes that are a leaf of the log's tree."""
        _check_length(self.kind, len(self.body))
        return _HEAD.pack(self.kind, self.at_s, len(self.body)) + self.body


def decode_entry(data: bytes) -> Entry:
    """Read an entry, and nothing after it; raise `FormatError` if it is none."""
    if len(data) < _HEAD.size:
        raise FormatError(f"an entry has at least {_HEAD.size} bytes, not {len(data)}")
    number, at_s, length = _HEAD.unpack_from(data)
    try:
        kind = EntryKind(number)
    except ValueError as error:
        raise FormatError(f"an entry's kind is 1 to {len(EntryKind)}, not {number}") from error
    _check_length(kind, length)
    if len(data) != _HEAD.size + length:
        raise FormatError(f"the body of an entry has {len(data) - _HEAD.size} bytes, and says that it has {length}")
    return Entry(kind, at_s, bytes(data[_HEAD.size :]))


def sign_record(record: bytes, key: PartyKey) -> bytes:
    """Return the body of the entry of a record: the administrator's signature, and the record."""
    return key.sign(SigningPurpose.RECORD, record) + record


def open_record(body: bytes, administrator: Identity) -> bytes:
    """Return the record in `body`; raise `SignatureError` unless `administrator` signed it."""
    if len(body) < SIGNATURE_BYTES:
        raise SignatureError(f"a signed record begins with a signature of {SIGNATURE_BYTES} bytes")
    record = body[SIGNATURE_BYTES:]
    verify_signature(administrator, body[:SIGNATURE_BYTES], SigningPurpose.RECORD, record)
    return record


def _check_length(kind: EntryKind, length: int) -> None:
    if length > MOST_BODY_BYTES[kind]:
        raise FormatError(
            f"an entry ({kind.name.lower()}) has {length} bytes; at most {MOST_BODY_BYTES[kind]} are allowed"
        )
