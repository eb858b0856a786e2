"""The proof on a ballot: whoever made it knows the credential's secret and all randomness of its ciphertexts.

It is a proof of knowledge (Schnorr 1991) of `x` and all `r_j` in conjunction, made non-interactive by a challenge that
covers the election and all else of the ballot (docs/protocol/votes.md, 4). So it is the voter's signature as well, and
no ciphertext can be copied: its randomness would have to be known.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha512

from loopixmix.group.group import Elements, Group, Scalars
from loopixmix.seams import Rng
from votes.ballot.ballots import Ballot, BallotError, SignedPart
from votes.ballot.form import BallotForm
from votes.record.transcript import Transcript, coefficients


@dataclass(frozen=True)
class Knowledge:
    """What the maker of a ballot knows: `x, r_1, r_2, ..` of all polls. It is secret."""

    secrets: Scalars


def prove(form: BallotForm, signed: SignedPart, known: Knowledge, rng: Rng) -> tuple[bytes, bytes]:
    """Return commitments and replies for a ballot, encoded."""
    group = form.group
    nonces = group.random_scalars(rng, len(known.secrets))
    commitments = group.generator.times(nonces).encode()
    challenge = group.reduced_scalars(_challenge_bytes(form, signed, commitments))
    return commitments, (nonces + challenge * known.secrets).encode()


def check_proof(form: BallotForm, ballot: Ballot) -> None:
    """Check one ballot's elements, scalars and proof.

    Raises `BallotError` if the proof is wrong, or if the neutral element stands where it must not; `BadElementError`
    or `BadScalarError` for an encoding that is not canonical.
    """
    stated = _Stated(form, [ballot])
    if stated.has_neutral():
        raise BallotError("the ballot has the neutral element where none may be")
    # s_j G = T_j + c P_j for each j, where P_0 is the credential and P_j the first half of ciphertext j.
    left = form.group.generator.times_public(stated.replies)
    if left != stated.commitments + stated.proved.times_public(stated.challenges):
        raise BallotError(
            "the proof on the ballot is wrong: it was changed or copied, or made for another voter, poll or election"
        )


def all_proofs_hold(form: BallotForm, ballots: Sequence[Ballot]) -> bool:
    """Tell whether all ballots are right, in one sum of all their equations.

    Each equation is multiplied by a coefficient of 128 bits that is drawn from all of the ballots, so a wrong one does
    not vanish in the sum but with a probability of 2^-128 (Bellare, Garay, Rabin 1998, section 3.3: the test of small
    exponents; the order is prime, and membership was checked in decoding).

    Raises `BadElementError` or `BadScalarError` for an encoding that is not canonical.
    """
    if not ballots:
        return True
    group = form.group
    stated = _Stated(form, ballots)
    if stated.has_neutral():
        return False
    weights = coefficients(group, seed_of_all(ballots), len(stated.replies))
    scalars = group.join_scalars([weights * stated.challenges, weights])
    right = group.multi_scalar(scalars, group.join([stated.proved, stated.commitments]))
    return (group.generator.times_public(weights.inner(stated.replies)) - right).is_identity() == [True]


def seed_of_all(ballots: Sequence[Ballot]) -> bytes:
    """Return the seed of the coefficients by which `all_proofs_hold` multiplies equations: a hash of all ballots.

    A ballot that was left out could be made for coefficients that are known, and cancel the fault of another one.
    """
    return Transcript("ballots", *(sha512(ballot.encoding).digest() for ballot in ballots)).seed()


class _Stated:
    """What ballots state, as columns with `width + 1` entries for each ballot, one ballot after another.

    `proved`: the credential and `A_1 A_2 ..`; `commitments`: `T_0 T_1 ..`; `replies`: `s_0 s_1 ..`; `challenges`: `c`,
    as often.
    """

    def __init__(self, form: BallotForm, ballots: Sequence[Ballot]) -> None:
        group, proofs = form.group, form.width + 1
        points = group.elements(b"".join(_points(ballots)))
        stride = 3 * form.width + 2
        starts = range(0, len(points), stride)
        self.proved = points.take(_places(starts, (0, *range(1, 2 * form.width, 2))))
        self.commitments = points.take(_places(starts, tuple(range(2 * form.width + 1, stride))))
        self.replies = group.scalars(b"".join(ballot.replies for ballot in ballots))
        challenges = group.reduced_scalars(
            b"".join(_challenge_bytes(form, ballot.signed, ballot.commitments) for ballot in ballots)
        )
        self.challenges = challenges.take(_places(range(len(ballots)), (0,) * proofs))

    def has_neutral(self) -> bool:
        """Tell whether a credential, an `A_j` or a commitment is the neutral element."""
        return any(self.proved.is_identity()) or any(self.commitments.is_identity())


def _points(ballots: Sequence[Ballot]) -> list[bytes]:
    return [part for ballot in ballots for part in (ballot.credential, ballot.rows, ballot.commitments)]


def _places(starts: range, offsets: tuple[int, ...]) -> array[int]:
    return array("I", (start + offset for start in starts for offset in offsets))


def _challenge_bytes(form: BallotForm, signed: SignedPart, commitments: bytes) -> bytes:
    size = form.group.element_bytes
    each = (commitments[start : start + size] for start in range(0, len(commitments), size))
    items = (signed.credential, signed.counter, signed.rows, signed.place.encode())
    return Transcript("ballot", form.fingerprint, *items, *each).uniform(form.group)


def ballot_elements(group: Group, ballots: Sequence[Ballot]) -> Elements:
    """Return all ciphertexts of ballots as one column, one ballot after another.

    Raises `BadElementError` for an encoding that is not canonical.
    """
    return group.elements(b"".join(ballot.rows for ballot in ballots))
