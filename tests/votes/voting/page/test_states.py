from __future__ import annotations

from client.testing import FakeClient, wait_for
from tests.worlds.voting import CHOICES, VotingWorld
from votes.voting.asking import BoardQuestions
from votes.voting.casting import VotingBooth
from votes.voting.home import KeptBallot
from votes.voting.page.states import BallotState, state_of


def state(world: VotingWorld, booth: VotingBooth, kept: KeptBallot, board: BoardQuestions) -> BallotState:
    return wait_for(state_of(kept, booth, board), world.clock)


def test_a_ballot_waits_and_is_stored(world: VotingWorld, client: FakeClient) -> None:
    booth, board = world.booth(0), world.questions(client)
    kept = world.cast(client, booth)
    waits = state(world, booth, kept, board)
    assert "It waits for its time" in waits.lines[0]
    assert not waits.is_stored
    world.until_closing()
    stored = state(world, booth, kept, board)
    assert [stored.is_stored, stored.may_be_repeated, len(stored.lines)] == [True, False, 1]


def test_an_excluded_ballot_comes_with_the_reason(world: VotingWorld, client: FakeClient) -> None:
    booth, board = world.booth(0), world.questions(client)
    kept = world.cast(client, booth)
    world.until_closing()
    world.exclude(5)
    wait_for(booth.log.exclusions(board), world.clock)
    found = state(world, booth, kept, board)
    assert "does not count. The reason given is: left the club" in found.lines[1]
    assert not found.may_be_repeated


def test_a_ballot_below_another_machines_may_be_made_again(world: VotingWorld, client: FakeClient) -> None:
    there, here = world.booth(0, "another computer"), world.booth(0)
    there.home.keep_highest(6)
    world.cast(client, there)
    while world.board.head().head.size < 6:
        world.clock.advance(60)
    other = world.client("two")
    kept = world.cast(other, here)
    world.until_closing()
    found = state(world, here, kept, world.questions(other))
    assert found.may_be_repeated
    assert "has number 1, and does not count: the board has another ballot of yours, with number 7" in found.lines[1]


def test_a_challenge_that_is_refused_is_told(world: VotingWorld, client: FakeClient) -> None:
    booth, board = world.booth(0), world.questions(client)
    opened = wait_for(booth.challenge(booth.prepare(CHOICES), board, world.clock.seconds()), world.clock)
    found = state(world, booth, opened, board)
    assert "has not answered yet" in found.lines[1]
    world.network.cut()
    world.until_closing()
    lost = state(world, booth, opened, board)
    assert "its opening was sent, but no answer came" in lost.lines[1].lower()
    assert not lost.may_be_repeated
