"""Making the key of an election together (docs/protocol/votes.md, 5.1).

Pedersen's key generation with Feldman's commitments (Gennaro, Jarecki, Krawczyk, Rabin 2007, section 3). Each trustee
promises its commitments by a hash before it sees those of others, so that the last one cannot choose its own to its
liking, and proves that it knows its secret (Komlo and Goldberg 2020, figure 1), so that none can cancel the others'.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from loopixmix.errors import FormatError, MisuseError, PeerError
from loopixmix.group.group import Elements, Group, Scalars
from loopixmix.seams import Rng
from votes.record.transcript import Transcript
from votes.trustees.polynomial import Polynomial, committed_value, draw_polynomial

MAX_TRUSTEES = 32
DRAFT_BYTES = 32
PROMISE_BYTES = 32


class KeyGenerationError(PeerError):
    """A trustee's part of the key is wrong. `number` tells whose, from 1."""

    def __init__(self, number: int, problem: str) -> None:
        super().__init__(f"trustee {number}: {problem}")
        self.number = number


@dataclass(frozen=True)
class Ceremony:
    """What all trustees know before they make a key."""

    group: Group
    draft: bytes
    """SHA-256 of the draft of the election, 32 bytes: a part made for one election counts in no other."""
    trustees: int
    threshold: int

    def __post_init__(self) -> None:
        if not 1 <= self.trustees <= MAX_TRUSTEES:
            raise MisuseError(f"an election has 1 to {MAX_TRUSTEES} trustees, not {self.trustees}")
        if not 1 <= self.threshold <= self.trustees:
            raise MisuseError(f"the threshold is 1 to the number of trustees, {self.trustees}, not {self.threshold}")
        if len(self.draft) != DRAFT_BYTES:
            raise MisuseError(f"the digest of a draft has {DRAFT_BYTES} bytes, not {len(self.draft)}")

    @property
    def numbers(self) -> range:
        """The trustees' numbers: 1 to their count."""
        return range(1, self.trustees + 1)


@dataclass(frozen=True)
class KeyOpening:
    """What a trustee publishes: commitments to its polynomial, and a proof that it knows the constant term."""

    commitments: Elements
    proof_commitment: Elements
    proof_reply: Scalars

    def encode(self) -> bytes:
        """Return `C_0 C_1 .. T s`."""
        return self.commitments.encode() + self.proof_commitment.encode() + self.proof_reply.encode()

    def promise(self) -> bytes:
        """Return the hash that is published before any opening is."""
        return hashlib.sha256(self.encode()).digest()


@dataclass(frozen=True)
class KeyPart:
    """What a trustee keeps to itself until the key is made."""

    number: int
    polynomial: Polynomial = field(repr=False)
    opening: KeyOpening

    def share_for(self, recipient: int) -> Scalars:
        """Return the share of trustee `recipient`, a column of one: a secret between the two."""
        return self.polynomial.at([recipient])


@dataclass(frozen=True)
class JointKey:
    """The public side of a key that was made together."""

    group: Group
    commitments: Elements
    """To the sum of all polynomials; as many as the threshold."""

    @property
    def public_key(self) -> Elements:
        """Encrypts ballots. A column of one."""
        return self.commitments[0:1]

    @property
    def threshold(self) -> int:
        """How many trustees decrypt."""
        return len(self.commitments)

    def public_share(self, number: int) -> Elements:
        """Return the share of trustee `number`, times the generator: a column of one."""
        return committed_value(self.group, self.commitments, number)


@dataclass(frozen=True)
class KeyShare:
    """A trustee's share of the secret key."""

    number: int
    secret: Scalars = field(repr=False)
    """A column of one."""


def begin(ceremony: Ceremony, number: int, rng: Rng) -> KeyPart:
    """Draw trustee `number`'s part of the key."""
    if number not in ceremony.numbers:
        raise MisuseError(f"the trustees are numbered 1 to {ceremony.trustees}: {number} is none of them")
    group = ceremony.group
    polynomial = draw_polynomial(group, rng, ceremony.threshold)
    commitments = polynomial.commitments()
    nonce = group.random_scalars(rng, 1)
    proof_commitment = group.generator.times(nonce)
    challenge = _challenge(ceremony, number, commitments, proof_commitment)
    reply = nonce + challenge * polynomial.coefficients[0:1]
    return KeyPart(number, polynomial, KeyOpening(commitments, proof_commitment, reply))


def restore_part(ceremony: Ceremony, number: int, coefficients: bytes, opening: bytes) -> KeyPart:
    """Return a part that was kept: its coefficients, and what it opens to.

    Raises `KeyGenerationError` if the two do not belong together, `PeerError` if they cannot be read.
    """
    polynomial = Polynomial(ceremony.group, ceremony.group.scalars(coefficients))
    opened = decode_opening(ceremony, number, opening, hashlib.sha256(opening).digest())
    if polynomial.commitments() != opened.commitments:
        raise KeyGenerationError(number, "the part that was kept does not fit its own commitments")
    return KeyPart(number, polynomial, opened)


def decode_opening(ceremony: Ceremony, number: int, encoded: bytes, promise: bytes) -> KeyOpening:
    """Read and check what trustee `number` opened.

    Raises `KeyGenerationError` if it is not what was promised, or does not prove that its maker knows the secret.
    """
    if not hmac.compare_digest(hashlib.sha256(encoded).digest(), promise):
        raise KeyGenerationError(number, "the opening is not the one that was promised")
    group = ceremony.group
    split = ceremony.threshold * group.element_bytes
    if len(encoded) != split + group.element_bytes + group.scalar_bytes:
        raise KeyGenerationError(number, f"the opening has {len(encoded)} bytes, which does not fit the threshold")
    try:
        elements = group.elements(encoded[: split + group.element_bytes])
        reply = group.scalars(encoded[split + group.element_bytes :])
    except PeerError as error:
        raise KeyGenerationError(number, f"in the opening, {error}") from error
    opening = KeyOpening(elements[0 : ceremony.threshold], elements[ceremony.threshold :], reply)
    _check_proof(ceremony, number, opening)
    return opening


def share_fits(ceremony: Ceremony, opening: KeyOpening, recipient: int, share: Scalars) -> bool:
    """Tell whether a share for `recipient` is the value of the polynomial that was committed to."""
    value = committed_value(ceremony.group, opening.commitments, recipient)
    return ceremony.group.generator.times(share) == value


def join_openings(ceremony: Ceremony, openings: Mapping[int, KeyOpening]) -> JointKey:
    """Return the public key that all openings make together.

    Raises `MisuseError` if one is missing, `KeyGenerationError` if the key would be the neutral element, under which
    a ballot has no secret.
    """
    if sorted(openings) != list(ceremony.numbers):
        raise MisuseError(f"openings of trustees {sorted(openings)} are no key of {ceremony.trustees} trustees")
    commitments = openings[1].commitments
    for number in ceremony.numbers[1:]:
        commitments = commitments + openings[number].commitments
    if commitments[0:1].is_identity()[0]:
        raise KeyGenerationError(max(openings), "together the parts make a key that encrypts nothing")
    return JointKey(ceremony.group, commitments)


def finish(
    ceremony: Ceremony, number: int, openings: Mapping[int, KeyOpening], shares: Mapping[int, Scalars]
) -> KeyShare:
    """Return trustee `number`'s share of the key, from the shares that all trustees (itself, too) made for it.

    Raises `KeyGenerationError` with the number of the first trustee whose share does not fit its commitments, and
    `MisuseError` if a share is missing.
    """
    if sorted(shares) != list(ceremony.numbers):
        raise MisuseError(f"shares of trustees {sorted(shares)} are no key of {ceremony.trustees} trustees")
    for author in ceremony.numbers:
        if not share_fits(ceremony, openings[author], number, shares[author]):
            raise KeyGenerationError(author, f"the share for trustee {number} does not fit the commitments")
    return KeyShare(number, ceremony.group.join_scalars([shares[author] for author in ceremony.numbers]).sum())


def decode_share(ceremony: Ceremony, encoded: bytes) -> Scalars:
    """Read one share; raise `FormatError` if it is not one canonical scalar."""
    try:
        share = ceremony.group.scalars(encoded)
    except (PeerError, ValueError) as error:
        raise FormatError(f"this is no share of a key: {error}") from error
    if len(share) != 1:
        raise FormatError(f"a share of a key has {ceremony.group.scalar_bytes} bytes, not {len(encoded)}")
    return share


def _check_proof(ceremony: Ceremony, number: int, opening: KeyOpening) -> None:
    group = ceremony.group
    challenge = _challenge(ceremony, number, opening.commitments, opening.proof_commitment)
    secret = opening.commitments[0:1]
    if group.generator.times(opening.proof_reply) != opening.proof_commitment + secret.times_public(challenge):
        raise KeyGenerationError(number, "it does not prove that it knows its part of the key")


def _challenge(ceremony: Ceremony, number: int, commitments: Elements, proof_commitment: Elements) -> Scalars:
    return Transcript(
        "key",
        ceremony.group.name,
        ceremony.draft,
        number,
        ceremony.trustees,
        ceremony.threshold,
        commitments.encode(),
        proof_commitment.encode(),
    ).challenge(ceremony.group)
