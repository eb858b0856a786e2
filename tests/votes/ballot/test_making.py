"""Making a ballot, and reading it back before it is cast."""

from __future__ import annotations

import pytest

from loopixmix.errors import MisuseError
from tests.worlds.voters import CHOICES, Voters
from votes.ballot.ballots import CredentialPlace, SignedPart, encode_ballot
from votes.ballot.choices import BlankVote, ChoiceError, ChosenOptions, Ranking, YesOrNo
from votes.ballot.making import OpeningError, make_ballot, read_back
from votes.ballot.proving import Knowledge, prove

VOTERS = Voters()


def test_the_preview_reads_the_choices_from_the_ciphertexts() -> None:
    made = VOTERS.made()
    assert read_back(VOTERS.form, made.ballot, made.randomness) == list(CHOICES)


def test_a_blank_vote_is_a_choice() -> None:
    choices = (BlankVote(), YesOrNo(False), Ranking(tuple(range(55))))
    made = VOTERS.made(choices=choices)
    assert read_back(VOTERS.form, made.ballot, made.randomness) == list(choices)
    assert VOTERS.check.check(made.ballot.encoding) == made.ballot


def test_two_ballots_with_the_same_choices_have_nothing_in_common() -> None:
    one, other = VOTERS.made().ballot.rows, VOTERS.made().ballot.rows
    parts = [{rows[at : at + 32] for at in range(0, len(rows), 32)} for rows in (one, other)]
    assert parts[0].isdisjoint(parts[1])


def test_the_preview_shows_what_a_cheating_program_encrypted() -> None:
    """The program says one thing, and makes the ciphertexts of another one."""
    cheated = VOTERS.made(choices=(ChosenOptions(frozenset({1})), *CHOICES[1:]))
    assert read_back(VOTERS.form, cheated.ballot, cheated.randomness)[0] == ChosenOptions(frozenset({1}))


def test_other_randomness_does_not_open_a_ballot() -> None:
    made = VOTERS.made()
    wrong = made.randomness + VOTERS.group.scalars_of([0, 0, 0, 1])
    with pytest.raises(OpeningError, match="was not made with this randomness"):
        read_back(VOTERS.form, made.ballot, wrong)
    with pytest.raises(OpeningError, match="was not made with this randomness"):
        read_back(VOTERS.form, made.ballot, made.randomness[:3])


def test_ciphertexts_that_hold_no_choice_are_told() -> None:
    """Anybody can encrypt anything; such a ballot is right in form, and is counted as invalid."""
    group, form, voter = VOTERS.group, VOTERS.form, VOTERS.voters[0]
    made = VOTERS.made()
    for junk in (group.hash_to_elements(b"a test", [b"no data"]), group.embed([b"\xff" * 30])):
        elements = group.elements(made.ballot.rows)
        second_half = form.public_key.times(made.randomness[:1]) + junk
        rows = elements[:1].encode() + second_half.encode() + made.ballot.rows[64:]
        signed = SignedPart(voter.credential, 1, rows, voter.place)
        known = Knowledge(group.join_scalars([voter.secret, made.randomness]))
        encoding = encode_ballot(form, signed, prove(form, signed, known, VOTERS.rng))
        ballot = VOTERS.check.check(encoding)
        with pytest.raises(OpeningError, match="the ciphertexts for poll 1 hold no choice"):
            read_back(form, ballot, made.randomness)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (CHOICES[:2], "there are 2 choices; each of the 3 polls needs one"),
        ((CHOICES[1], CHOICES[0], CHOICES[2]), "the poll does not allow a choice of the kind YesOrNo"),
        ((*CHOICES[:2], Ranking((1, 2))), "2 options are ranked; 55 may be ranked"),
    ],
)
def test_choices_that_a_poll_does_not_allow_make_no_ballot(choices: tuple[ChosenOptions, ...], message: str) -> None:
    with pytest.raises(ChoiceError, match=message):
        make_ballot(
            VOTERS.form,
            choices,
            secret=VOTERS.voters[0].secret,
            counter=1,
            place=CredentialPlace(),
            rng=VOTERS.rng,
        )


@pytest.mark.parametrize("counter", [0, -1, 2**32])
def test_counters_have_bounds(counter: int) -> None:
    with pytest.raises(MisuseError, match=f"the counter of a ballot is {counter}; 1 to 4294967295 is allowed"):
        VOTERS.made(counter=counter)


def test_the_randomness_is_not_shown() -> None:
    assert "randomness" not in repr(VOTERS.made())
