"""Challenging a ballot: it is opened instead of cast, and anybody can see that it says what its author wanted.

A program that encrypts something else does not know which ballots will be challenged (Benaloh 2006: Simple verifiable
elections; docs/protocol/votes.md, 4).
"""

from __future__ import annotations

from dataclasses import dataclass

from loopixmix.group.group import BadScalarError
from votes.ballot.ballots import Ballot
from votes.ballot.checking import BallotCheck
from votes.ballot.choices import Choice
from votes.ballot.making import MadeBallot, OpeningError, read_back

OPENING_VERSION = 1
_LENGTH_BYTES = 4


def open_ballot(made: MadeBallot) -> bytes:
    """Return the opening of a ballot that is challenged instead of cast: it and its randomness, for everybody."""
    encoding = made.ballot.encoding
    head = bytes([OPENING_VERSION]) + len(encoding).to_bytes(_LENGTH_BYTES, "big")
    return head + encoding + made.randomness.encode()


@dataclass(frozen=True)
class AuditedBallot:
    """A challenged ballot and what it says. It never counts."""

    ballot: Ballot
    choices: tuple[Choice, ...]


def audit_opening(check: BallotCheck, opening: bytes) -> AuditedBallot:
    """Read the opening of a challenged ballot, and what the ballot says.

    The ballot is checked like one that is cast. Otherwise anybody could publish openings in the name of others. Raises
    `OpeningError` if the opening does not fit, `BallotError` if the ballot is not right.
    """
    form = check.form
    start = 1 + _LENGTH_BYTES
    if len(opening) < start or opening[0] != OPENING_VERSION:
        raise OpeningError(f"the opening of a ballot begins with version {OPENING_VERSION} and a length")
    end = start + int.from_bytes(opening[1:start], "big")
    if len(opening) != end + form.width * form.group.scalar_bytes:
        raise OpeningError(f"the opening has {len(opening)} bytes; a ballot and {form.width} scalars are allowed")
    ballot = check.check(opening[start:end])
    try:
        randomness = form.group.scalars(opening[end:])
    except BadScalarError as error:
        raise OpeningError(f"the opening is not in its only allowed form: {error}") from error
    return AuditedBallot(ballot, tuple(read_back(form, ballot, randomness)))
