"""Making a ballot on the voter's own machine, with a preview of what it says.

Embedding takes a time that depends on the choice (`Group.embed`), so nobody else may watch the machine closely.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from loopixmix.errors import FormatError, MisuseError
from loopixmix.group.group import Elements, Group, Scalars
from loopixmix.seams import Rng
from votes.ballot.ballots import (
    MOST_COUNTER,
    Ballot,
    BallotError,
    CredentialPlace,
    SignedPart,
    decode_ballot,
    encode_ballot,
)
from votes.ballot.choices import Choice, ChoiceError
from votes.ballot.ciphertexts import encrypt
from votes.ballot.form import BallotForm
from votes.ballot.plaintexts import embed_numbers, extract_numbers
from votes.ballot.proving import Knowledge, prove


class OpeningError(BallotError):
    """The randomness does not open the ballot."""


@dataclass(frozen=True)
class MadeBallot:
    """A new ballot. `randomness`: `r_1 r_2 ..`, secret as long as the ballot may be cast."""

    ballot: Ballot
    randomness: Scalars = field(repr=False)


def make_ballot(
    form: BallotForm,
    choices: Sequence[Choice],
    *,
    secret: Scalars,
    counter: int,
    place: CredentialPlace,
    rng: Rng,
) -> MadeBallot:
    """Return a ballot with one choice for each poll.

    `secret`: that of the credential, a column of one. `counter`: higher than that of any earlier ballot of this
    credential, 1 for the first. Raises `ChoiceError` for what a poll does not allow, `MisuseError` for another counter.
    """
    group = form.group
    if len(choices) != len(form.codings):
        raise ChoiceError(f"there are {len(choices)} choices; each of the {len(form.codings)} polls needs one")
    messages = group.join(
        [
            column
            for coding, choice in zip(form.codings, choices, strict=True)
            for column in embed_numbers(group, [coding.encode(choice)], coding.width)
        ]
    )
    if not 1 <= counter <= MOST_COUNTER:
        raise MisuseError(f"the counter of a ballot is {counter}; 1 to {MOST_COUNTER} is allowed")
    randomness = group.random_scalars(rng, form.width)
    rows = _rows(form, messages, randomness)
    signed = SignedPart(group.generator.times(secret).encode(), counter, rows, place)
    proof = prove(form, signed, Knowledge(group.join_scalars([secret, randomness])), rng)
    return MadeBallot(decode_ballot(form, encode_ballot(form, signed, proof)), randomness)


def _rows(form: BallotForm, messages: Elements, randomness: Scalars) -> bytes:
    (pair,) = encrypt(form.group, form.public_key, [messages], [randomness]).pairs
    size = form.group.element_bytes
    a, b = pair.a.encode(), pair.b.encode()
    return b"".join(a[at : at + size] + b[at : at + size] for at in range(0, len(a), size))


def read_back(form: BallotForm, ballot: Ballot, randomness: Scalars) -> list[Choice]:
    """Return the choices that a ballot's ciphertexts hold, one for each poll.

    `randomness`: `r_1 r_2 ..`. It is checked against the ciphertexts: `A_j = r_j G`. The choices are computed from
    `B_j - r_j Y`, and not taken from whoever made the ballot, so a program that encrypted something else is found out.
    Raises `OpeningError` if the randomness is another one, or a ciphertext holds no choice of its poll.
    """
    group = form.group
    a, b = _halves(group, ballot)
    if len(randomness) != form.width or not hmac.compare_digest(group.generator.times(randomness).encode(), a.encode()):
        raise OpeningError("the ballot was not made with this randomness")
    messages = b - form.public_key.times(randomness)
    choices = []
    for number, coding in enumerate(form.codings):
        first = form.first_pair(number)
        (data,) = extract_numbers(group, [messages[at : at + 1] for at in range(first, first + coding.width)])
        if data is None:
            raise OpeningError(f"the ciphertexts for poll {number + 1} hold no choice")
        try:
            choices.append(coding.decode(data))
        except FormatError as error:
            raise OpeningError(f"the ciphertexts for poll {number + 1} hold no choice: {error}") from error
    return choices


def _halves(group: Group, ballot: Ballot) -> tuple[Elements, Elements]:
    size = group.element_bytes
    parts = [ballot.rows[at : at + size] for at in range(0, len(ballot.rows), size)]
    return group.elements(b"".join(parts[::2])), group.elements(b"".join(parts[1::2]))
