from __future__ import annotations

from typing import Any

import pytest

from client.api import NotRunningError, PostedRequest, RequestId
from client.testing import wait_for
from loopixmix.errors import MisuseError
from tests.worlds.elections import CLOSES_AT
from tests.worlds.voting import VoterProgram, VotingWorld
from votes.ballot.choices import BlankVote, ChosenOptions, YesOrNo
from votes.board.requests import RequestKind
from votes.voting.asking import BoardQuestions
from votes.voting.waiting import OtherBallotCountsError

CHOICES = (ChosenOptions(frozenset({1})), YesOrNo(True))
OTHERS = (BlankVote(), YesOrNo(False))


def test_the_program_ends_when_the_ballot_is_on_the_board(program: VoterProgram) -> None:
    booth, board = program.enter()
    clock = program.world.clock
    program.cast(booth, board, CHOICES)
    wait_for(program.awaited(booth, board), clock, within_s=100_000, step_s=300)
    assert "is cast at a random time" in program.said[-3]
    assert program.said[-2].startswith("it is entry 5 of the board's")
    assert program.said[-1] == "witness@provider-1 knows this state of the board's log only"


def test_who_has_voted_may_vote_again(program: VoterProgram) -> None:
    booth, board = program.enter()
    clock = program.world.clock
    program.cast(booth, board, CHOICES)
    wait_for(program.awaited(booth, board), clock, within_s=100_000, step_s=300)
    # Started again, the program waits for another ballot.
    waiting = program.awaited(booth, board)
    assert "vote again on the page" in program.said[-1]
    clock.advance(60)
    assert not waiting.called
    program.cast(booth, board, CHOICES)
    wait_for(waiting, clock, within_s=100_000, step_s=300)
    assert any("it is entry 6 of the board's" in line for line in program.said)


def test_after_the_end_the_ballot_is_looked_for_again(program: VoterProgram) -> None:
    booth, board = program.enter()
    clock = program.world.clock
    program.cast(booth, board, CHOICES)
    wait_for(program.awaited(booth, board), clock, within_s=100_000, step_s=300)
    clock.advance(CLOSES_AT - clock.seconds() + 1)
    program.said.clear()
    wait_for(program.awaited(booth, board), clock)
    assert any("it is entry 5 of the board's" in line for line in program.said)


def test_after_a_lost_ballot_another_one_can_be_cast(program: VoterProgram) -> None:
    booth, board = program.enter()
    clock = program.world.clock
    program.cast(booth, board, CHOICES)
    program.world.network.cut()
    waiting = program.awaited(booth, board)
    while "make another ballot on the page" not in program.said[-1]:
        assert clock.seconds() < CLOSES_AT
        clock.advance(300)
    program.world.network.mend()
    program.cast(booth, board, CHOICES)
    wait_for(waiting, clock, within_s=100_000, step_s=60)
    assert any("it is entry 5 of the board's" in line for line in program.said)


def test_an_election_that_is_over_is_told(program: VoterProgram) -> None:
    booth, board = program.enter()
    clock = program.world.clock
    clock.advance(CLOSES_AT - clock.seconds() + 1)
    with pytest.raises(MisuseError, match="the election is over"):
        wait_for(program.awaited(booth, board), clock)


class BrokenWitness:
    """A witness that cannot answer."""

    name = "witness"

    def answer(self, body: bytes) -> bytes:
        raise RuntimeError("broken")


def test_a_witness_that_cannot_answer_does_not_end_the_program_badly(program: VoterProgram) -> None:
    program.world.network.add_service(BrokenWitness(), provider="provider-1")
    booth, board = program.enter()
    clock = program.world.clock
    program.cast(booth, board, CHOICES)
    wait_for(program.awaited(booth, board), clock, within_s=100_000, step_s=300)
    assert "witness@provider-1 could not be asked" in program.said[-1]


def minutes_pass(world: VotingWorld) -> None:
    # In steps: each wait begins when the one before has ended.
    for _ in range(10):
        world.clock.advance(60)


def until_stored(program: VoterProgram, entries: int) -> None:
    clock = program.world.clock
    while program.world.board.head().head.size < entries:
        assert clock.seconds() < CLOSES_AT
        clock.advance(60)


def test_who_cast_more_on_another_machine_is_told_that_this_ballot_does_not_count(world: VotingWorld) -> None:
    other = VoterProgram(world, world.client("other"), home="other")
    booth, board = other.enter()
    for _ in range(2):
        other.cast(booth, board, OTHERS)
    until_stored(other, 7)
    here = VoterProgram(world, world.client("here"))
    booth, board = here.enter()
    # Number 1 is taken: the board refuses this one, and says which number it has.
    here.cast(booth, board, CHOICES)
    waiting = here.awaited(booth, board)
    until_stored(here, 8)
    minutes_pass(world)
    assert not waiting.called
    assert "cast again with one above 2; make another ballot on the page" in here.said[-1]
    kept = here.cast(booth, board, CHOICES)
    assert kept.counter == 3
    wait_for(waiting, world.clock, within_s=100_000, step_s=60)


def test_a_ballot_below_another_machines_is_stored_and_does_not_count(world: VotingWorld) -> None:
    here, other = (VoterProgram(world, world.client(name), home=name) for name in ("here", "other"))
    there, at_board = other.enter()
    booth, board = here.enter()
    there.home.keep_highest(6)
    other.cast(there, at_board, OTHERS)
    until_stored(other, 6)
    kept = here.cast(booth, board, CHOICES)
    waiting = here.awaited(booth, board)
    until_stored(here, 7)
    minutes_pass(world)
    assert not waiting.called
    assert f"ballot {kept.tracking_code} has number 1, and does not count" in here.said[-1]
    assert "with number 7" in here.said[-1]
    # It is known after a restart, too.
    booth, board = here.enter()
    assert booth.prepare(CHOICES).counter == 8
    waiting.cancel()
    waiting.addErrback(lambda _: None)
    world.clock.advance(CLOSES_AT - world.clock.seconds() + 1)
    with pytest.raises(OtherBallotCountsError, match="with number 7"):
        wait_for(here.awaited(booth, board), world.clock)


def test_a_challenged_ballot_is_opened_before_or_after_a_restart(program: VoterProgram) -> None:
    booth, board = program.enter()
    clock = program.world.clock
    kept = wait_for(booth.challenge(booth.prepare(CHOICES), board, clock.seconds()), clock)
    waiting = program.awaited(booth, board)
    minutes_pass(program.world)
    assert program.said[-1] == f"challenged ballot {kept.tracking_code} is opened for everybody: entry 5"
    assert not waiting.called


def test_who_stays_waits_for_the_end(program: VoterProgram) -> None:
    booth, board = program.enter()
    program.cast(booth, board, CHOICES)
    waiting, clock = program.awaited(booth, board, stays=True), program.world.clock
    while clock.seconds() < CLOSES_AT - 600:
        clock.advance(300)
    assert not waiting.called
    assert program.said[-1].startswith("witness@provider-1 knows")
    wait_for(waiting, clock, within_s=2_000, step_s=60)


def test_who_stays_without_a_ballot_sees_the_end(program: VoterProgram) -> None:
    booth, board = program.enter()
    waiting, clock = program.awaited(booth, board, stays=True), program.world.clock
    clock.advance(CLOSES_AT - clock.seconds() + 1)
    wait_for(waiting, clock)
    assert program.said[-1] == "the election is closed, and no ballot was cast here"


def test_a_board_that_is_silent_after_its_receipt_is_asked_again(program: VoterProgram) -> None:
    booth, board = program.enter()
    program.cast(booth, board, CHOICES)
    waiting, world = program.awaited(booth, board), program.world
    while not any(body[0] == RequestKind.CAST for body in world.service.asked):
        world.clock.advance(1)
    # The receipt is on its way, and what is asked then gets lost.
    while wait_for(booth.receipt(booth.home.ballots()[0], board), world.clock) is None:
        world.clock.advance(0.5)
    world.network.cut()
    for _ in range(300):
        world.clock.advance(5)
    assert "the board cannot be asked now" in program.said[-1]
    assert not waiting.called
    world.network.mend()
    wait_for(waiting, world.clock, within_s=10_000, step_s=5)
    assert any("it is entry 5 of" in line for line in program.said)


class StoppedClient:
    """A client whose daemon was stopped."""

    async def answer(self, request_id: RequestId) -> PostedRequest:
        raise NotRunningError("no client runs here")


def test_a_client_that_was_stopped_ends_it(program: VoterProgram) -> None:
    booth, board = program.enter()
    program.cast(booth, board, CHOICES)
    stopped: Any = StoppedClient()
    waiting = program.awaited(booth, BoardQuestions(stopped, board.service))
    with pytest.raises(NotRunningError):
        wait_for(waiting, program.world.clock)
