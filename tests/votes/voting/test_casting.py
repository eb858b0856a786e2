from __future__ import annotations

from collections import UserList
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from client.api import RequestId
from client.testing import FakeClient, wait_for
from loopixmix.errors import MisuseError
from tests.worlds.elections import CLOSES_AT, OPENS_AT, changed
from tests.worlds.voting import GROUP, Answers, VotingWorld
from votes.ballot.choices import BlankVote, Choice, ChoiceError, ChosenOptions, YesOrNo
from votes.board.requests import RequestKind
from votes.board.store.rows import entries_from
from votes.record.entries import EntryKind
from votes.voting.asking import BoardQuestions, BoardRefusedError
from votes.voting.casting import LostBallotError, PreparedBallot, VotingBooth, cast_before_s
from votes.voting.home import KeptBallot, VoterHome

CHOICES: Sequence[Choice] = (ChosenOptions(frozenset({1})), YesOrNo(True))
OTHERS: Sequence[Choice] = (BlankVote(), YesOrNo(False))
A_DAY_S = 90_000.0


class ChoicesThatChange(UserList[Choice]):
    """Choices that are others once they were read, as if one thing were encrypted and another one told."""

    def __iter__(self) -> Iterator[Choice]:
        yield from self.data
        self.data = list(OTHERS)


def test_a_preview_says_what_the_ciphertexts_hold(world: VotingWorld) -> None:
    prepared = world.booth(0).prepare(ChoicesThatChange(CHOICES))
    assert prepared.says == tuple(CHOICES)
    with pytest.raises(ChoiceError):
        world.booth(0).prepare((ChosenOptions(frozenset({0, 1, 2})), YesOrNo(True)))


def test_a_ballot_is_cast_and_found_on_the_board(world: VotingWorld, client: FakeClient) -> None:
    booth, board = world.booth(0), world.questions(client)
    kept = world.cast(client, booth)
    world.until_closing()
    receipt = wait_for(booth.receipt(kept, board), world.clock)
    assert receipt is not None
    assert receipt.digest == kept.digest
    head = wait_for(booth.log.check(kept, receipt, board), world.clock)
    assert head.head.size > receipt.index
    # The receipt is kept: the board is not asked again.
    asked = len(world.service.asked)
    assert wait_for(booth.receipt(kept, board), world.clock) == receipt
    assert len(world.service.asked) == asked


def test_a_ballot_is_cast_at_a_random_time_that_leaves_a_margin(world: VotingWorld, client: FakeClient) -> None:
    moments = set()
    for number in range(3):
        kept = world.cast(client, world.booth(number))
        request = wait_for(client.answer(kept.request), world.clock)  # type: ignore[arg-type]
        assert request.leaves_at_s is not None
        assert request.leaves_at_s < request.deadline_s <= CLOSES_AT - 3_600
        moments.add(request.leaves_at_s)
    assert len(moments) == 3
    assert max(moments) - min(moments) > 600


def test_who_votes_again_has_a_higher_counter(world: VotingWorld, client: FakeClient) -> None:
    booth = world.booth(0)
    first = world.cast(client, booth)
    second = world.cast(client, booth, OTHERS)
    assert (first.counter, second.counter) == (1, 2)
    world.until_closing()
    for kept in (first, second):
        assert wait_for(booth.receipt(kept, world.questions(client)), world.clock) is not None


def test_two_programs_in_one_folder_do_not_use_one_counter_twice(world: VotingWorld, client: FakeClient) -> None:
    one, other = world.booth(0), world.booth(0)
    first, second = one.prepare(CHOICES), other.prepare(OTHERS)
    board, now_s = world.questions(client), world.clock.seconds()
    kept = wait_for(one.cast(first, board, now_s), world.clock)
    with pytest.raises(MisuseError, match="ballot 1 was made already"):
        wait_for(other.cast(second, board, now_s), world.clock)
    with pytest.raises(MisuseError, match="ballot 1 was made already"):
        wait_for(other.challenge(second, board, now_s), world.clock)
    assert world.booth(0).home.ballots() == [kept]
    assert wait_for(other.cast(other.prepare(OTHERS), board, now_s), world.clock).counter == 2


def test_a_ballot_that_is_cast_is_not_challenged_and_the_other_way_round(
    world: VotingWorld, client: FakeClient
) -> None:
    booth, board, now_s = world.booth(0), world.questions(client), world.clock.seconds()
    cast_one = booth.prepare(CHOICES)
    wait_for(booth.cast(cast_one, board, now_s), world.clock)
    with pytest.raises(MisuseError, match="ballot 1 was made already"):
        wait_for(booth.challenge(cast_one, board, now_s), world.clock)
    challenged = booth.prepare(CHOICES)
    wait_for(booth.challenge(challenged, board, now_s), world.clock)
    with pytest.raises(MisuseError, match="ballot 2 was made already"):
        wait_for(booth.cast(challenged, board, now_s), world.clock)
    assert [kept.challenged for kept in booth.home.ballots()] == [False, True]


def test_a_ballot_that_was_kept_before_a_kill_is_handed_over_once(world: VotingWorld, client: FakeClient) -> None:
    booth, board = world.booth(0), world.questions(client)
    kept = world.cast(client, booth)
    # As if the kill came between the client's answer and the note of it.
    booth.home.keep(msgspec.structs.replace(kept, request=""))
    world.clock.advance(60)
    [found] = world.booth(0).home.ballots()
    again = wait_for(booth.resume(found, board, world.clock.seconds()), world.clock)
    assert again.request == kept.request
    world.until_closing()
    assert sum(body[0] == RequestKind.CAST for body in world.service.asked) == 1


class FirstAnswerLost:
    """A board whose first answer to each request is lost on its way: the client asks again, with the same bytes."""

    def __init__(self, board: Answers) -> None:
        self.board = board

    def answer(self, body: bytes) -> bytes:
        self.board.answer(body)
        return self.board.answer(body)


def test_a_lost_acknowledgement_never_doubles_a_ballot(world: VotingWorld, client: FakeClient) -> None:
    world.network.lose_next()
    world.service.answers = FirstAnswerLost(world.service.answers)
    booth = world.booth(0)
    kept = world.cast(client, booth)
    world.until_closing()
    receipt = wait_for(booth.receipt(kept, world.questions(client)), world.clock)
    assert receipt is not None
    # The record, the opening, and one ballot.
    assert world.board.head().head.size == 6


def test_no_receipt_in_time_is_told(world: VotingWorld, client: FakeClient) -> None:
    booth = world.booth(0)
    kept = world.cast(client, booth)
    world.network.cut()
    world.until_closing()
    with pytest.raises(LostBallotError, match="no receipt came"):
        wait_for(booth.receipt(kept, world.questions(client)), world.clock)


def test_a_refusal_of_the_board_is_told(world: VotingWorld, client: FakeClient) -> None:
    first, second = world.booth(0), world.booth(0, "another computer")
    one, other = world.cast(client, first), world.cast(world.client("two"), second, OTHERS)
    world.until_closing()
    told = []
    for booth, kept, who in ((first, one, client), (second, other, world.network._clients[1])):
        try:
            wait_for(booth.receipt(kept, world.questions(who)), world.clock)  # type: ignore[arg-type]
        except BoardRefusedError as error:
            told.append(str(error))
    assert len(told) == 1
    assert "counter" in told[0]


def test_a_receipt_is_not_given_up_before_the_answer(world: VotingWorld, client: FakeClient) -> None:
    booth = world.booth(0)
    kept = world.cast(client, booth)
    assert wait_for(booth.receipt(kept, world.questions(client)), world.clock) is None


def test_the_margin_before_the_end(world: VotingWorld) -> None:
    election = world.world.election
    assert cast_before_s(election, OPENS_AT) == CLOSES_AT - 3_600
    assert cast_before_s(election, CLOSES_AT - 1_000) == CLOSES_AT - 100
    assert cast_before_s(election, CLOSES_AT - 200) == CLOSES_AT - 60
    assert cast_before_s(election, CLOSES_AT - 100, 20) == CLOSES_AT - 20
    with pytest.raises(MisuseError, match="closes too soon"):
        cast_before_s(election, CLOSES_AT - 100)
    with pytest.raises(MisuseError, match="not open yet: 10 seconds"):
        cast_before_s(election, OPENS_AT - 10)
    with pytest.raises(MisuseError):
        cast_before_s(election, CLOSES_AT - 40, 20)
    assert changed(election) == election


def test_the_code_leaves_the_machine_in_no_form(world: VotingWorld, client: FakeClient) -> None:
    booth = world.booth(0)
    world.cast(client, booth)
    world.until_closing()
    secret = booth._voter.secret.encode()
    for body in world.service.asked:
        assert world.codes[0].encode() not in body
        assert secret not in body
    for path in booth.home.path.iterdir():
        assert secret not in path.read_bytes()


def test_the_choice_does_not_change_the_length_of_a_request(world: VotingWorld, client: FakeClient) -> None:
    world.cast(client, world.booth(0), CHOICES)
    world.cast(client, world.booth(0), OTHERS)
    world.until_closing()
    lengths = {len(body) for body in world.service.asked if body[0] == RequestKind.CAST}
    assert len(lengths) == 1


def test_questions_name_the_service() -> None:
    assert BoardQuestions(None, "board@p").service == "board@p"  # type: ignore[arg-type]


class KilledError(Exception):
    """The machine stops here."""


class Mortal:
    """Counts what is done, and stops the machine before the step `at`; after the last step it stops nothing."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.steps = 0

    def step(self) -> None:
        if self.steps == self.at:
            raise KilledError
        self.steps += 1


class MortalHome(VoterHome):
    """A folder in which the machine may stop before and after each write."""

    def __init__(self, path: Path, life: Mortal) -> None:
        super().__init__(path)
        self._life = life

    def begin(self, ballot: KeptBallot) -> None:
        self._life.step()
        super().begin(ballot)
        self._life.step()

    def keep(self, ballot: KeptBallot) -> None:
        # Between the file of the counter and that of the ballot, too: `begin` calls this.
        self._life.step()
        super().keep(ballot)
        self._life.step()

    def keep_highest(self, counter: int) -> None:
        self._life.step()
        super().keep_highest(counter)

    def keep_receipt(self, counter: int, receipt: bytes) -> None:
        self._life.step()
        super().keep_receipt(counter, receipt)
        self._life.step()


class MortalClient:
    """A client with which the machine may stop before and after it has taken a request."""

    def __init__(self, client: FakeClient, life: Mortal) -> None:
        self._client = client
        self._life = life
        self.answer = client.answer

    async def post_request(self, *arguments: Any, **named: Any) -> RequestId:
        self._life.step()
        request = await self._client.post_request(*arguments, **named)
        self._life.step()
        return request


def mortal(world: VotingWorld, client: FakeClient, life: Mortal) -> tuple[VotingBooth, BoardQuestions]:
    """Return the booth of voter 0 on a machine that may stop, and what it asks the board by."""
    booth = world.booth(0)
    home = MortalHome(booth.home.path, life)
    board = BoardQuestions(MortalClient(client, life), "board@provider-2")  # type: ignore[arg-type]
    return VotingBooth(world.world.election, GROUP, booth._voter, home, rng=world.rng), board


STEPS = 11
"""From the button to the receipt."""


def from_button_to_receipt(
    world: VotingWorld, booth: VotingBooth, board: BoardQuestions, prepared: PreparedBallot, *, is_challenge: bool
) -> None:
    begin = booth.challenge if is_challenge else booth.cast
    kept = wait_for(begin(prepared, board, world.clock.seconds()), world.clock)
    while wait_for(booth.receipt(kept, board), world.clock) is None:
        world.clock.advance(300)


@pytest.mark.parametrize("is_challenge", [True, False], ids=["challenge", "cast"])
@pytest.mark.parametrize("at", range(STEPS))
def test_a_kill_makes_no_ballot_both_opened_and_cast_and_keeps_nobody_from_voting(
    world: VotingWorld, client: FakeClient, at: int, is_challenge: bool
) -> None:
    life = Mortal(at)
    booth, board = mortal(world, client, life)
    prepared = booth.prepare(CHOICES)
    with pytest.raises(KilledError):
        from_button_to_receipt(world, booth, board, prepared, is_challenge=is_challenge)
    life.at = 1_000
    # The machine starts again: what was kept goes on, and can be made nothing else.
    again, board = mortal(world, client, life)
    now_s = world.clock.seconds()
    for each in again.home.ballots():
        wait_for(again.resume(each, board, now_s), world.clock)
        other = again.cast if is_challenge else again.challenge
        with pytest.raises(MisuseError, match="ballot 1 was made already"):
            wait_for(other(prepared, board, now_s), world.clock)
    last = wait_for(again.cast(again.prepare(OTHERS), board, now_s), world.clock)
    world.until_closing()
    receipts = [wait_for(again.receipt(each, board), world.clock) for each in again.home.ballots()]
    assert all(receipts)
    assert receipts[-1] is not None
    assert (receipts[-1].digest, receipts[-1].highest) == (last.digest, last.counter)
    kinds = [each.entry.kind for each in world.board.log.read(lambda connection: entries_from(connection, 5, 100))]
    first = [EntryKind.CHALLENGE if is_challenge else EntryKind.BALLOT] if len(receipts) == 2 else []
    assert sorted(set(kinds) - {EntryKind.TRANSITION}) == sorted({*first, EntryKind.BALLOT})
    assert len([kind for kind in kinds if kind is not EntryKind.TRANSITION]) == len(receipts)


@pytest.mark.parametrize("is_challenge", [True, False], ids=["challenge", "cast"])
def test_every_step_was_a_last_one(world: VotingWorld, client: FakeClient, is_challenge: bool) -> None:
    life = Mortal(1_000)
    booth, board = mortal(world, client, life)
    from_button_to_receipt(world, booth, board, booth.prepare(CHOICES), is_challenge=is_challenge)
    assert life.steps == STEPS
