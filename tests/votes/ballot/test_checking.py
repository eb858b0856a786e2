"""What is refused at casting, one by one and in a batch."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from loopixmix.group.group import Scalars
from loopixmix.group.ristretto import engine_names, ristretto255
from tests.worlds.vote_polls import choose, rank, yes_no
from tests.worlds.voters import Voters
from votes.ballot.ballots import Ballot, BallotError, CredentialPlace, SignedPart, encode_ballot
from votes.ballot.checking import GROUP, BallotCheck
from votes.ballot.choices import ChosenOptions, Ranking, YesOrNo
from votes.ballot.proving import Knowledge, prove, seed_of_all
from votes.record.transcript import Transcript

VOTERS = Voters()
WIDTH = VOTERS.form.width
HEAD = 1 + 32 + 32
ROWS = HEAD + 4
COMMITMENTS = ROWS + 32 * 2 * WIDTH
REPLIES = COMMITMENTS + 32 * (WIDTH + 1)
ORDER = VOTERS.group.order
NEUTRAL = bytes(32)
PROOF_IS_WRONG = "the proof on the ballot is wrong"


def _refusal(encoding: bytes, check: BallotCheck = VOTERS.check) -> str:
    """Return the reason for which a ballot is refused, alone and between two good ones."""
    with pytest.raises(BallotError) as refused:
        check.check(encoding)
    before, found, after = check.check_many([VOTERS.cast(1), encoding, VOTERS.cast(2)])
    assert isinstance(found, BallotError)
    assert str(found) == str(refused.value)
    assert isinstance(before, Ballot)
    assert isinstance(after, Ballot)
    return str(refused.value)


@pytest.mark.parametrize("engine", engine_names())
def test_ballots_of_different_voters_pass(engine: str) -> None:
    voters = Voters(group=ristretto255(engine))
    ballots = [voters.made(number, counter=number + 1).ballot for number in range(3)]
    assert [voters.check.check(ballot.encoding) for ballot in ballots] == ballots
    assert voters.check.check_many([ballot.encoding for ballot in ballots]) == ballots


def test_no_ballots_pass() -> None:
    assert VOTERS.check.check_many([]) == []


def test_a_batch_names_each_culprit() -> None:
    good, bad = [VOTERS.cast(number % 3) for number in range(5)], VOTERS.cast()
    changed = bad[:REPLIES] + bytes([bad[REPLIES] ^ 1]) + bad[REPLIES + 1 :]
    found = VOTERS.check.check_many([good[0], changed, good[1], good[2], b"", good[3], changed, good[4]])
    assert [number for number, each in enumerate(found) if isinstance(each, BallotError)] == [1, 4, 6]


class CountingCheck(BallotCheck):
    """Counts the ballots that it checks alone, which costs most."""

    alone = 0

    def _alone(self, ballot: Ballot) -> Ballot | BallotError:
        self.alone += 1
        return super()._alone(ballot)


@pytest.mark.parametrize(("culprits", "alone"), [((), 0), ((17,), GROUP), ((0, 1, 39), GROUP + 8), (range(40), 40)])
def test_a_wrong_ballot_costs_its_group_and_not_its_batch(culprits: Sequence[int], alone: int) -> None:
    """Whoever sends wrong ballots makes others wait that are in the same batch."""
    check = CountingCheck(VOTERS.form, is_listed=lambda _: False)
    ballots = [VOTERS.cast(number % 3, counter=number + 1) for number in range(40)]
    for culprit in culprits:
        wrong = ballots[culprit]
        ballots[culprit] = wrong[:REPLIES] + bytes([wrong[REPLIES] ^ 1]) + wrong[REPLIES + 1 :]
    found = check.check_many(ballots)
    assert [number for number, each in enumerate(found) if isinstance(each, BallotError)] == list(culprits)
    assert check.alone == alone


def test_the_coefficients_of_a_batch_cover_every_byte_of_every_ballot() -> None:
    encodings = [VOTERS.cast(voter) for voter in range(3)]
    ballots = [VOTERS.check.check(encoding) for encoding in encodings]
    others = [[*ballots[:2]], [*ballots[1:]], [ballots[1], ballots[0], ballots[2]]]
    for place, encoding in enumerate(encodings):
        last = len(encoding) - 1
        for at in (1 + 32 + 5, last // 2, last):
            changed = encoding[:at] + bytes([encoding[at] ^ 1]) + encoding[at + 1 :]
            others.append([*ballots[:place], replace(ballots[place], encoding=changed), *ballots[place + 1 :]])
    assert len({seed_of_all(each) for each in (*others, ballots)}) == len(others) + 1


def test_two_errors_that_cancel_each_other_do_not_pass_in_a_batch() -> None:
    """Pitfall 17: without coefficients, one reply one too high and another one too low would give the same sum."""
    one, other = VOTERS.cast(0), VOTERS.cast(1)
    group = VOTERS.group

    def moved(encoding: bytes, by: int) -> bytes:
        reply = group.scalars(encoding[REPLIES : REPLIES + 32]) + group.scalars_of([by % ORDER])
        return encoding[:REPLIES] + reply.encode() + encoding[REPLIES + 32 :]

    found = VOTERS.check.check_many([moved(one, 1), moved(other, -1)])
    assert [isinstance(each, BallotError) for each in found] == [True, True]


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("credential", 33),
        ("first half of a ciphertext", ROWS),
        ("second half of a ciphertext", ROWS + 32),
        ("last ciphertext", COMMITMENTS - 32),
        ("first commitment", COMMITMENTS),
        ("last commitment", REPLIES - 32),
        ("first reply", REPLIES),
        ("last reply", REPLIES + 32 * WIDTH),
    ],
)
def test_each_part_is_bound_by_the_proof(name: str, at: int) -> None:
    """Pitfall 2: the challenge covers all of it. Each part is replaced by the same part of another right ballot."""
    ballot, other = VOTERS.cast(), VOTERS.cast(1)
    changed = ballot[:at] + other[at : at + 32] + ballot[at + 32 :]
    reason = _refusal(changed)
    assert PROOF_IS_WRONG in reason or (at == 33 and "the credential of the ballot is not one" in reason)


def test_the_counter_is_bound_by_the_proof() -> None:
    ballot = VOTERS.cast(counter=1)
    assert PROOF_IS_WRONG in _refusal(ballot[:HEAD] + bytes([0, 0, 0, 2]) + ballot[ROWS:])


def _without_path(encoding: bytes) -> bytes:
    return encoding[: REPLIES + 32 * (WIDTH + 1)] + bytes(9)


def test_a_ballot_moved_to_another_voter_is_refused() -> None:
    """Pitfall 9: the other voter's credential and its place in the list are put on it."""
    ballot, other = VOTERS.cast(0), VOTERS.cast(1)
    moved = ballot[:33] + other[33:HEAD] + ballot[HEAD:REPLIES] + ballot[REPLIES : REPLIES + 32 * (WIDTH + 1)]
    assert PROOF_IS_WRONG in _refusal(moved + other[len(moved) :])


def test_a_ballot_copied_with_an_own_proof_for_the_credential_is_refused() -> None:
    """Pitfall 9: voter 1 copies voter 0's ciphertexts, and proves what voter 1 knows; the randomness is not known."""
    victim, copier = VOTERS.made(0).ballot, VOTERS.voters[1]
    group = VOTERS.group
    guessed = group.random_scalars(VOTERS.rng, WIDTH)
    signed = SignedPart(copier.credential, 1, victim.rows, copier.place)
    proof = prove(VOTERS.form, signed, Knowledge(group.join_scalars([copier.secret, guessed])), VOTERS.rng)
    assert PROOF_IS_WRONG in _refusal(encode_ballot(VOTERS.form, signed, proof))


def test_a_rerandomised_copy_is_refused() -> None:
    """Pitfall 9: the ciphertexts are encrypted anew, so that they look different and say the same."""
    victim, copier = VOTERS.made(0).ballot, VOTERS.voters[1]
    group, form = VOTERS.group, VOTERS.form
    added = group.random_scalars(VOTERS.rng, WIDTH)
    columns = group.elements(victim.rows)
    a = columns.take(range(0, 2 * WIDTH, 2)) + group.generator.times(added)
    b = columns.take(range(1, 2 * WIDTH, 2)) + form.public_key.times(added)
    rows = b"".join(a.encode()[at : at + 32] + b.encode()[at : at + 32] for at in range(0, 32 * WIDTH, 32))
    signed = SignedPart(copier.credential, 1, rows, copier.place)
    proof = prove(form, signed, Knowledge(group.join_scalars([copier.secret, added])), VOTERS.rng)
    assert PROOF_IS_WRONG in _refusal(encode_ballot(form, signed, proof))
    # The victim's own proof does not fit the new ciphertexts either.
    proof = (victim.commitments, victim.replies)
    victims = VOTERS.voters[0]
    signed = SignedPart(victims.credential, 1, rows, victims.place)
    assert PROOF_IS_WRONG in _refusal(encode_ballot(form, signed, proof))


def test_a_ciphertext_moved_to_another_poll_is_refused() -> None:
    """Pitfall 9: two polls of one kind; the answers are exchanged, with their commitments and replies."""
    voters = Voters(polls=(yes_no(), choose(2, least=1, most=1)))
    ballot = voters.cast(0, (YesOrNo(True), ChosenOptions(frozenset({1}))))
    width = voters.form.width
    rows, commitments = ROWS, ROWS + 64 * width
    replies = commitments + 32 * (width + 1)

    def exchanged(content: bytes, at: int, size: int) -> bytes:
        one, other = content[at : at + size], content[at + size : at + 2 * size]
        return content[:at] + other + one + content[at + 2 * size :]

    for at, size in ((rows, 64), (commitments + 32, 32), (replies + 32, 32)):
        ballot = exchanged(ballot, at, size)
    with pytest.raises(BallotError, match=PROOF_IS_WRONG):
        voters.check.check(ballot)


def test_a_ballot_of_another_election_is_refused() -> None:
    """Pitfall 9: the same voters and key, but another title; also with the fingerprint of this election put on it."""
    other = Voters(polls=(*VOTERS.world.election.polls[:2], rank(55, least=54, most=55)))
    ballot = other.cast(0, (*[ChosenOptions(frozenset({1})), YesOrNo(False)], Ranking(tuple(range(55)))))
    assert _refusal(ballot) == "the ballot is for another election"
    assert other.credentials == VOTERS.credentials
    assert PROOF_IS_WRONG in _refusal(b"\1" + VOTERS.world.fingerprint + ballot[33:])


def test_an_unknown_credential_is_refused() -> None:
    stranger = Voters(seed=2)
    secret, credential = stranger.voters[0].secret, stranger.voters[0].credential
    made = _made_by(secret, CredentialPlace(0, VOTERS.voters[0].place.path))
    assert made[33:HEAD] == credential
    assert _refusal(made) == "the credential of the ballot is not one of this election"


def test_the_proof_of_a_credential_for_another_place_is_refused() -> None:
    for index in (1, 3, 2**63):
        made = _made_by(VOTERS.voters[0].secret, CredentialPlace(index, VOTERS.voters[0].place.path))
        assert _refusal(made) == "the credential of the ballot is not one of this election"


def _made_by(secret: Scalars, place: CredentialPlace) -> bytes:
    group, form = VOTERS.group, VOTERS.form
    r = group.random_scalars(VOTERS.rng, WIDTH)
    rows = group.generator.times(group.join_scalars([r, r])).encode()
    signed = SignedPart(group.generator.times(secret).encode(), 1, rows, place)
    proof = prove(form, signed, Knowledge(group.join_scalars([secret, r])), VOTERS.rng)
    return encode_ballot(form, signed, proof)


def test_a_ballot_without_a_path_needs_the_list() -> None:
    ballot = VOTERS.made(1, listed=True).ballot.encoding
    assert _refusal(ballot) == "the credential of the ballot is not one of this election"
    with_list = BallotCheck(VOTERS.form, is_listed=set(VOTERS.credentials).__contains__)
    assert with_list.check(ballot).credential == VOTERS.credentials[1]
    stranger = Voters(seed=2)
    changed = ballot[:33] + stranger.credentials[0] + ballot[HEAD:]
    assert _refusal(changed, with_list) == "the credential of the ballot is not one of this election"


def test_a_listed_credential_with_a_wrong_path_is_refused() -> None:
    with_list = BallotCheck(VOTERS.form, is_listed=set(VOTERS.credentials).__contains__)
    place = CredentialPlace(2, VOTERS.voters[0].place.path)
    assert _refusal(_made_by(VOTERS.voters[0].secret, place), with_list).startswith("the credential of the ballot")


def test_a_ballot_has_no_second_spelling_without_its_path() -> None:
    """Pitfall 9: whoever reads a challenged ballot on the board could cast it, and double the counter of others."""
    with_list = BallotCheck(VOTERS.form, is_listed=set(VOTERS.credentials).__contains__)
    long, short = VOTERS.cast(), VOTERS.made(listed=True).ballot.encoding
    place = VOTERS.voters[0].place
    assert with_list.check(long).path == place.path
    assert with_list.check(short).path == ()
    end = len(short) - 9
    assert PROOF_IS_WRONG in _refusal(long[:end] + bytes(9), with_list)
    assert PROOF_IS_WRONG in _refusal(short[:end] + long[end:], with_list)


def test_a_proof_that_is_made_backwards_is_refused() -> None:
    """Pitfall 2: if the challenge left the commitments out, anybody could choose the replies first.

    The forger knows no secret: the challenge is computed without commitments, then `T_j = s_j G - c P_j`.
    """
    group, form, victim = VOTERS.group, VOTERS.form, VOTERS.voters[0]
    rows = VOTERS.made(1).ballot.rows
    items = (victim.credential, 1, rows, victim.place.encode())
    challenge = Transcript("ballot", form.fingerprint, *items).challenge(group)
    replies = group.random_scalars(VOTERS.rng, WIDTH + 1)
    proved = group.join([group.elements(victim.credential), group.elements(rows).take(range(0, 2 * WIDTH, 2))])
    commitments = group.generator.times(replies) - proved.times(challenge)
    proof = (commitments.encode(), replies.encode())
    signed = SignedPart(victim.credential, 1, rows, victim.place)
    assert PROOF_IS_WRONG in _refusal(encode_ballot(form, signed, proof))


def test_the_only_voter_needs_no_path() -> None:
    voters = Voters(count=1)
    assert voters.check.check(voters.cast()).path == ()


def _place(at: int, content: bytes) -> Callable[[bytes], bytes]:
    return lambda encoding: encoding[:at] + content + encoding[at + 32 :]


NOT_CANONICAL = (ORDER + 5).to_bytes(32, "little")
NO_ELEMENT = (2**255 - 19 + 2).to_bytes(32, "little")


@pytest.mark.parametrize(
    "change",
    [
        _place(ROWS, NO_ELEMENT),
        _place(ROWS + 32, NO_ELEMENT),
        _place(COMMITMENTS, b"\1" + bytes(31)),
        _place(COMMITMENTS, b"\xff" * 32),
        _place(REPLIES, NOT_CANONICAL),
        _place(REPLIES + 32 * WIDTH, b"\xff" * 32),
    ],
)
def test_encodings_that_are_not_canonical_are_refused(change: Callable[[bytes], bytes]) -> None:
    """Pitfalls 6 and 8."""
    assert "no element or scalar in its only allowed form" in _refusal(change(VOTERS.cast()))


def test_the_same_scalar_in_another_spelling_is_refused() -> None:
    """Pitfall 8: the reply plus the order of the group is the same scalar, and would be a second ballot."""
    ballot = VOTERS.cast()
    number = int.from_bytes(ballot[REPLIES : REPLIES + 32], "little")
    changed = _place(REPLIES, (number + ORDER).to_bytes(32, "little"))(ballot)
    assert "no element or scalar in its only allowed form" in _refusal(changed)


@pytest.mark.parametrize("at", [ROWS, COMMITMENTS - 64, COMMITMENTS, REPLIES - 32])
def test_the_neutral_element_is_refused(at: int) -> None:
    """Pitfall 6: `r = 0` would show the choice to everybody."""
    assert _refusal(_place(at, NEUTRAL)(VOTERS.cast())) == "the ballot has the neutral element where none may be"


def test_a_ballot_whose_randomness_is_zero_is_refused_although_its_proof_is_right() -> None:
    group, form, voter = VOTERS.group, VOTERS.form, VOTERS.voters[0]
    zero = group.scalars(bytes(32 * WIDTH))
    rows = group.generator.times(group.join_scalars([zero, zero])).encode()
    signed = SignedPart(voter.credential, 1, rows, voter.place)
    proof = prove(form, signed, Knowledge(group.join_scalars([voter.secret, zero])), random.Random(1))
    encoding = encode_ballot(form, signed, proof)
    assert _refusal(encoding) == "the ballot has the neutral element where none may be"
