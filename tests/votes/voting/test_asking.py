from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from client.testing import FakeClient, wait_for
from tests.worlds.voting import Answers, VotingWorld
from votes.board.requests import RequestKind
from votes.record.phases import Phase
from votes.voting.asking import BoardRefusedError, WrongBoardError, content_of, find_board


class OtherBoard:
    """A board of another election, or of none."""

    name = "board"

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def answer(self, body: bytes) -> bytes:
        return self._answer


class EndlessBoard:
    """A board that says another length of the record, and gives more than was asked for."""

    def __init__(self, answers: Answers, length: int) -> None:
        self._answers = answers
        self._length = length

    def answer(self, body: bytes) -> bytes:
        if body[0] != RequestKind.STATE:
            return b"\0" + bytes(100_000)
        state = self._answers.answer(body)
        return state[:33] + self._length.to_bytes(4, "big") + state[37:]


def load(world: VotingWorld, client: FakeClient, fingerprint: bytes) -> tuple[bytes, list[float]]:
    pauses: list[float] = []

    def pause(seconds: float) -> Deferred[None]:
        pauses.append(seconds)
        return deferLater(world.clock, seconds, lambda: None)  # type: ignore[arg-type]

    loading = world.questions(client).record(fingerprint, pause=pause, rng=world.rng, spread_s=60.0)
    return wait_for(loading, world.clock), pauses


def test_the_record_is_loaded_and_compared(world: VotingWorld, client: FakeClient) -> None:
    record, pauses = load(world, client, world.world.fingerprint)
    assert record == world.world.record
    assert all(0 <= pause <= 60 for pause in pauses)
    assert pauses


def test_a_record_of_another_fingerprint_is_refused(world: VotingWorld, client: FakeClient) -> None:
    with pytest.raises(WrongBoardError, match="another election"):
        load(world, client, bytes(32))


def test_a_board_cannot_make_a_voter_load_without_end(world: VotingWorld, client: FakeClient) -> None:
    """Who answers is not known yet: a false length, or longer parts than were asked for, would fill the memory."""
    for length, problem in ((2**32 - 1, "a record has at most"), (1_000, "another part than was asked for")):
        world.service.answers = EndlessBoard(world.service.answers, length)
        with pytest.raises(WrongBoardError, match=problem):
            load(world, client, world.world.fingerprint)


def test_the_state_is_signed_by_the_board(world: VotingWorld, client: FakeClient) -> None:
    state = wait_for(world.questions(client).state(world.world.keys.board.identity), world.clock)
    assert state.phase is Phase.OPEN


def test_the_board_is_found_among_others(world: VotingWorld, client: FakeClient) -> None:
    world.network.add_service(OtherBoard(b"\0" + bytes(200)), provider="provider-3")
    world.network.add_service(OtherBoard(b"\1there is no election"), provider="provider-4")
    world.network.add_service(OtherBoard(b""), provider="provider-5")
    found = wait_for(find_board(client, world.world.fingerprint, "board"), world.clock)
    assert found.service == "board@provider-2"


def test_no_board_of_this_election_is_told(world: VotingWorld, client: FakeClient) -> None:
    with pytest.raises(WrongBoardError, match="no board of this network keeps this election: 1 boards were asked"):
        wait_for(find_board(client, bytes(32), "board"), world.clock)
    world.network.add_service(OtherBoard(b"\1there is no election"), provider="provider-4")
    with pytest.raises(WrongBoardError, match="board@provider-4: the board refuses it: there is no election"):
        wait_for(find_board(client, bytes(32), "board"), world.clock)


def test_a_refusal_is_the_boards_reason() -> None:
    assert content_of(b"\0content") == b"content"
    with pytest.raises(BoardRefusedError, match="the board refuses it: closed"):
        content_of(b"\3closed")
