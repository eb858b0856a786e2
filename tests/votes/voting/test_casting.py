from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from client.testing import FakeClient, wait_for
from loopixmix.errors import MisuseError
from tests.worlds.elections import CLOSES_AT, OPENS_AT, changed
from tests.worlds.voting import AnsweringBoard, VotingWorld
from votes.ballot.choices import BlankVote, Choice, ChoiceError, ChosenOptions, YesOrNo
from votes.board.requests import RequestKind
from votes.record.heads import ForkedBoardError
from votes.voting.asking import BoardQuestions, BoardRefusedError
from votes.voting.casting import (
    BrokenReceiptError,
    LostBallotError,
    VotingBooth,
    cast_before_s,
)
from votes.voting.home import KeptBallot
from votes.witness.requests import ShownHead

CHOICES: Sequence[Choice] = (ChosenOptions(frozenset({1})), YesOrNo(True))
OTHERS: Sequence[Choice] = (BlankVote(), YesOrNo(False))
A_DAY_S = 90_000.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[VotingWorld]:
    made = VotingWorld(tmp_path)
    yield made
    made.close()


@pytest.fixture
def client(world: VotingWorld) -> FakeClient:
    return world.client()


def cast(
    world: VotingWorld, client: FakeClient, booth: VotingBooth, choices: tuple[object, ...] = CHOICES
) -> KeptBallot:
    prepared = booth.prepare(choices)  # type: ignore[arg-type]
    return wait_for(booth.cast(prepared, world.questions(client), world.clock.seconds()), world.clock)


def until_closing(world: VotingWorld) -> None:
    while world.clock.seconds() < CLOSES_AT:
        world.clock.advance(600)


def test_a_preview_says_what_the_ciphertexts_hold(world: VotingWorld) -> None:
    prepared = world.booth(0).prepare(CHOICES)
    assert prepared.says == tuple(CHOICES)
    with pytest.raises(ChoiceError):
        world.booth(0).prepare((ChosenOptions(frozenset({0, 1, 2})), YesOrNo(True)))


def test_a_ballot_is_cast_and_found_on_the_board(world: VotingWorld, client: FakeClient) -> None:
    booth, board = world.booth(0), world.questions(client)
    kept = cast(world, client, booth)
    until_closing(world)
    receipt = wait_for(booth.receipt(kept, board), world.clock)
    assert receipt is not None
    assert receipt.digest == booth.ballot(kept).digest
    head = wait_for(booth.check(kept, receipt, board), world.clock)
    assert head.head.size > receipt.index
    # The receipt is kept: the board is not asked again.
    asked = len(world.service.asked)
    assert wait_for(booth.receipt(kept, board), world.clock) == receipt
    assert len(world.service.asked) == asked


def test_a_ballot_is_cast_at_a_random_time_that_leaves_a_margin(world: VotingWorld, client: FakeClient) -> None:
    moments = set()
    for number in range(3):
        kept = cast(world, client, world.booth(number))
        request = wait_for(client.answer(kept.request), world.clock)  # type: ignore[arg-type]
        assert request.leaves_at_s is not None
        assert request.leaves_at_s < request.deadline_s <= CLOSES_AT - 3_600
        moments.add(request.leaves_at_s)
    assert len(moments) == 3
    assert max(moments) - min(moments) > 600


def test_who_votes_again_has_a_higher_counter(world: VotingWorld, client: FakeClient) -> None:
    booth = world.booth(0)
    first = cast(world, client, booth)
    second = cast(world, client, booth, OTHERS)
    assert (first.counter, second.counter) == (1, 2)
    until_closing(world)
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
        wait_for(other.challenge(second, board), world.clock)
    assert world.booth(0).home.ballots() == [kept]
    assert wait_for(other.cast(other.prepare(OTHERS), board, now_s), world.clock).counter == 2


def test_a_ballot_that_is_cast_is_not_challenged_and_the_other_way_round(
    world: VotingWorld, client: FakeClient
) -> None:
    booth, board, now_s = world.booth(0), world.questions(client), world.clock.seconds()
    cast_one = booth.prepare(CHOICES)
    wait_for(booth.cast(cast_one, board, now_s), world.clock)
    with pytest.raises(MisuseError, match="ballot 1 was made already"):
        wait_for(booth.challenge(cast_one, board), world.clock)
    challenged = booth.prepare(CHOICES)
    wait_for(booth.challenge(challenged, board), world.clock)
    with pytest.raises(MisuseError, match="ballot 2 was made already"):
        wait_for(booth.cast(challenged, board, now_s), world.clock)
    assert [kept.challenged for kept in booth.home.ballots()] == [False, True]


def test_a_ballot_that_was_kept_before_a_kill_is_handed_over_once(world: VotingWorld, client: FakeClient) -> None:
    booth, board = world.booth(0), world.questions(client)
    kept = cast(world, client, booth)
    # As if the kill came between the client's answer and the note of it.
    booth.home.keep(msgspec.structs.replace(kept, request=""))
    [found] = world.booth(0).home.ballots()
    again = wait_for(booth.resume(found, board, world.clock.seconds()), world.clock)
    assert again.request == kept.request
    until_closing(world)
    assert sum(body[0] == RequestKind.CAST for body in world.service.asked) == 1


def test_a_lost_acknowledgement_never_doubles_a_ballot(world: VotingWorld, client: FakeClient) -> None:
    world.network.lose_next()
    booth = world.booth(0)
    kept = cast(world, client, booth)
    until_closing(world)
    receipt = wait_for(booth.receipt(kept, world.questions(client)), world.clock)
    assert receipt is not None
    # The record, the opening, and one ballot.
    assert world.board.head().head.size == 6


def test_no_receipt_in_time_is_told(world: VotingWorld, client: FakeClient) -> None:
    booth = world.booth(0)
    kept = cast(world, client, booth)
    world.network.cut()
    until_closing(world)
    with pytest.raises(LostBallotError, match="no receipt came"):
        wait_for(booth.receipt(kept, world.questions(client)), world.clock)


def test_a_refusal_of_the_board_is_told(world: VotingWorld, client: FakeClient) -> None:
    first, second = world.booth(0), world.booth(0, "another computer")
    one, other = cast(world, client, first), cast(world, world.client("two"), second, OTHERS)
    until_closing(world)
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
    kept = cast(world, client, booth)
    assert wait_for(booth.receipt(kept, world.questions(client)), world.clock) is None


def test_a_board_that_drops_the_ballot_is_convicted_by_its_receipt(
    world: VotingWorld, client: FakeClient, tmp_path: Path
) -> None:
    booth, board = world.booth(0), world.questions(client)
    kept = cast(world, client, booth)
    until_closing(world)
    receipt = wait_for(booth.receipt(kept, board), world.clock)
    assert receipt is not None
    other = msgspec.structs.replace(kept, ballot=world.booth(1).prepare(CHOICES).made.ballot.encoding)
    with pytest.raises(BrokenReceiptError, match="not in the log"):
        wait_for(booth.check(other, receipt, board), world.clock)


class _TwoLogs:
    """A board that keeps two logs, and answers from the one or the other."""

    def __init__(self, shown: AnsweringBoard, hidden: AnsweringBoard) -> None:
        self._shown = shown.answers
        self._hidden = hidden.answers

    def answer(self, body: bytes) -> bytes:
        return (self._shown if body[0] == RequestKind.CONSISTENCY else self._hidden).answer(body)


def test_a_ballot_that_is_in_another_log_than_the_one_that_is_followed_is_not_found(
    world: VotingWorld, client: FakeClient, tmp_path: Path
) -> None:
    booth = world.booth(0)
    kept = cast(world, client, booth)
    until_closing(world)
    receipt = wait_for(booth.receipt(kept, world.questions(client)), world.clock)
    assert receipt is not None
    (tmp_path / "other").mkdir()
    shown = VotingWorld(tmp_path / "other")
    try:
        cast(shown, shown.client(), shown.booth(1))
        until_closing(shown)
        world.service.answers = _TwoLogs(shown.service, world.service)
        with pytest.raises(BrokenReceiptError, match="not in the log"):
            wait_for(booth.check(kept, receipt, world.questions(client)), world.clock)
    finally:
        shown.close()


def test_a_shortened_board_is_found(world: VotingWorld, client: FakeClient, tmp_path: Path) -> None:
    booth = world.booth(0)
    cast(world, client, booth)
    until_closing(world)
    head = wait_for(booth.follow(world.questions(client)), world.clock)
    (tmp_path / "other").mkdir()
    forked = VotingWorld(tmp_path / "other")
    try:
        with pytest.raises((ForkedBoardError, BoardRefusedError)):
            wait_for(booth.follow(forked.questions(forked.client())), forked.clock)
    finally:
        forked.close()
    assert booth.home.head(booth.board_identity) == head


def test_a_board_that_shows_two_logs_is_found_through_a_witness(
    world: VotingWorld, client: FakeClient, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    forked = VotingWorld(tmp_path / "other")
    try:
        # The same board and election, shown with another ballot to another voter.
        other = forked.booth(1)
        cast(forked, forked.client(), other)
        until_closing(forked)
        seen = wait_for(other.follow(forked.questions(forked.client("two"))), forked.clock)
    finally:
        forked.close()
    shown = ShownHead(other.board_identity, seen).encode()
    wait_for(client.request("witness@provider-1", shown, timeout_s=60), world.clock)
    booth = world.booth(0)
    cast(world, client, booth)
    until_closing(world)
    with pytest.raises(ForkedBoardError):
        wait_for(booth.compare(world.questions(client), "witness@provider-1"), world.clock)


def test_voters_of_an_honest_board_see_one_log(world: VotingWorld, client: FakeClient) -> None:
    for number in range(2):
        booth = world.booth(number)
        cast(world, client, booth)
        world.clock.advance(600)
        count = wait_for(booth.compare(world.questions(client), "witness@provider-1"), world.clock)
    assert count >= 1


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
    cast(world, client, booth)
    until_closing(world)
    secret = booth._voter.secret.encode()
    for body in world.service.asked:
        assert world.codes[0].encode() not in body
        assert secret not in body
    for path in booth.home.path.iterdir():
        assert secret not in path.read_bytes()


def test_the_choice_does_not_change_the_length_of_a_request(world: VotingWorld, client: FakeClient) -> None:
    cast(world, client, world.booth(0), CHOICES)
    cast(world, client, world.booth(0), OTHERS)
    until_closing(world)
    lengths = {len(body) for body in world.service.asked if body[0] == RequestKind.CAST}
    assert len(lengths) == 1


def test_questions_name_the_service() -> None:
    assert BoardQuestions(None, "board@p").service == "board@p"  # type: ignore[arg-type]
