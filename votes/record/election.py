"""The record: what an election is (docs/protocol/votes.md, 2). Its rules are in `rules`."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import msgspec

from loopixmix.errors import FormatError
from votes.record.canonical import Hex, decode_canonical, encode_canonical
from votes.record.polls import Poll
from votes.record.transcript import DOMAIN

VERSION = 2
"""Version 1 had no signatures of the trustees under the record, and no lists that they bind themselves to."""
MOST_RECORD_BYTES = 1_048_576
"""Each voter loads the record over the network, where a megabyte takes minutes."""


class ElectionParty(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A party that signs. `identity`: an Ed25519 key, 32 bytes."""

    name: str
    identity: Hex


class TrusteeParty(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trustee. `encryption_key`: X25519, for shares of the key. `public_share`: `Y_k`, an encoded element."""

    name: str
    identity: Hex
    encryption_key: Hex
    public_share: Hex


class Election(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The record of an election; the page explains each field. Before the freeze it is a draft, and some are empty."""

    version: int
    title: str
    description: str
    group: str
    polls: tuple[Poll, ...]
    administrator: ElectionParty
    credential_authority: ElectionParty
    board: ElectionParty
    trustees: tuple[TrusteeParty, ...]
    threshold: int
    key_commitments: tuple[Hex, ...]
    mixers: tuple[ElectionParty, ...]
    voters: int
    credential_root: Hex
    salt: Hex
    opens_at: int
    closes_at: int
    codes_erased_by: int
    counts_only: bool
    rehearsal: bool

    @property
    def public_key(self) -> bytes:
        """The key to which ballots are encrypted, `Y`."""
        return self.key_commitments[0]


def encode_election(election: Election) -> bytes:
    """Return the canonical bytes of a record."""
    return encode_canonical(election)


def decode_draft(record: bytes) -> Election:
    """Read a record of which only the form is right; raise `FormatError` if it is not."""
    try:
        return decode_canonical(record, Election, most_bytes=MOST_RECORD_BYTES)
    except FormatError as error:
        raise FormatError(f"the record of the election cannot be read: {error}") from error


def draft_digest(election: Election) -> bytes:
    """Return what stands for an election while its key is made: SHA-256 of its draft, 32 bytes.

    The draft is the record with `key_commitments` and each `public_share` empty, since these are not known yet.
    """
    trustees = tuple(msgspec.structs.replace(each, public_share=Hex()) for each in election.trustees)
    draft = msgspec.structs.replace(election, trustees=trustees, key_commitments=())
    return hashlib.sha256(DOMAIN + b"draft\0" + encode_canonical(draft)).digest()


def shown_time(at_s: float) -> str:
    """Return a moment, in Unix seconds, as people read it."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%d %B %Y, %H:%M UTC")
