"""Ballots as bytes (docs/protocol/votes.md, 4). Here is their form only; `checking` tells whether one is right."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from loopixmix.errors import PeerError
from votes.ballot.form import BallotForm
from votes.record.base32 import base32, in_groups
from votes.record.fingerprint import FINGERPRINT_BYTES
from votes.record.merkle import HASH_BYTES

VERSION = 1
COUNTER_BYTES = 4
INDEX_BYTES = 8
MOST_PATH = 24
"""Hashes in the proof of a credential: there are at most 2^24 credentials."""
MOST_COUNTER = 2 ** (8 * COUNTER_BYTES) - 1
_TRACKING_BYTES, _TRACKING_LETTERS = 15, 20


class BallotError(PeerError):
    """The ballot is refused."""


@dataclass(frozen=True)
class CredentialPlace:
    """The proof that a credential is in the election's list: its index and its Merkle path; both come by invitation."""

    index: int = 0
    path: tuple[bytes, ...] = ()

    def encode(self) -> bytes:
        """Return the last part of a ballot."""
        return b"".join((bytes([len(self.path)]), self.index.to_bytes(INDEX_BYTES, "big"), *self.path))


@dataclass(frozen=True)
class SignedPart:
    """All of a ballot that its proof covers, besides the election.

    The place is one of it, although the credential alone tells it. Otherwise each ballot had a second spelling, with or
    without the path, that anybody could cast: a challenged ballot would count after all.
    """

    credential: bytes
    counter: int
    rows: bytes
    place: CredentialPlace


@dataclass(frozen=True)
class Ballot:
    """A ballot, cut into its parts; none of them was looked into.

    `encoding`: all bytes. `credential`: encoded. `rows`: the ciphertexts of all polls. `commitments`: `T_0 T_1 ..`.
    `replies`: `s_0 s_1 ..`. `index` and `path`: the proof that the credential is one of the election's; an empty path
    if whoever checks has to look it up.
    """

    encoding: bytes
    credential: bytes
    counter: int
    rows: bytes
    commitments: bytes
    replies: bytes
    index: int
    path: tuple[bytes, ...]

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the ballot: what tells it from all others, 32 bytes."""
        return hashlib.sha256(self.encoding).digest()

    @property
    def signed(self) -> SignedPart:
        """What the proof covers."""
        return SignedPart(self.credential, self.counter, self.rows, CredentialPlace(self.index, self.path))

    @property
    def tracking_code(self) -> str:
        """What the voter looks for on the board: the first 100 bits of the digest, in four groups of five letters."""
        return tracking_code_of(self.digest)


def tracking_code_of(digest: bytes) -> str:
    """Return the tracking code of the ballot with this digest (SHA-256)."""
    return in_groups(base32(digest[:_TRACKING_BYTES])[:_TRACKING_LETTERS])


def encode_ballot(form: BallotForm, signed: SignedPart, proof: tuple[bytes, bytes]) -> bytes:
    """Return a ballot's bytes. `proof`: commitments and replies."""
    head = bytes([VERSION]) + form.fingerprint + signed.credential + signed.counter.to_bytes(COUNTER_BYTES, "big")
    return b"".join((head, signed.rows, *proof, signed.place.encode()))


def decode_ballot(form: BallotForm, encoding: bytes) -> Ballot:
    """Cut a ballot into its parts. Raises `BallotError` for another length, version or election, and for counter 0.

    Elements and scalars are not decoded here: that costs most, and is done for many ballots at once.
    """
    encoding = bytes(encoding)
    cut = _Cut(encoding)
    version, fingerprint = cut.take(1), cut.take(FINGERPRINT_BYTES)
    if version != bytes([VERSION]):
        raise BallotError(f"the ballot has version {version[0]}; only {VERSION} is known")
    if fingerprint != form.fingerprint:
        raise BallotError("the ballot is for another election")
    group = form.group
    credential, counter = cut.take(group.element_bytes), int.from_bytes(cut.take(COUNTER_BYTES), "big")
    if counter == 0:
        raise BallotError("the ballot has counter 0; counters begin at 1")
    rows = cut.take(form.rows_bytes)
    commitments = cut.take((form.width + 1) * group.element_bytes)
    replies = cut.take((form.width + 1) * group.scalar_bytes)
    length, index = cut.take(1)[0], int.from_bytes(cut.take(INDEX_BYTES), "big")
    if length > MOST_PATH or (length == 0 and index != 0):
        raise BallotError(f"the ballot has a proof of {length} hashes for credential {index}; at most {MOST_PATH} fit")
    path = tuple(cut.take(HASH_BYTES) for _ in range(length))
    cut.end()
    return Ballot(encoding, credential, counter, rows, commitments, replies, index, path)


class _Cut:
    """Takes bytes from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            raise BallotError(f"the ballot has {len(self._data)} bytes, which is too short")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def end(self) -> None:
        if self._at != len(self._data):
            raise BallotError(f"{len(self._data) - self._at} bytes follow the ballot")
