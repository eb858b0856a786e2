from __future__ import annotations

import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from client.testing import wait_for
from tests.worlds.elections import CLOSES_AT, OPENS_AT, changed
from tests.worlds.voting import CHOICES, AnsweringBoard, Answers, VoterProgram, VotingWorld
from votes.board.requests import BoardState, RequestKind, decode_answer, decode_state, encode_answer
from votes.record.heads import ForkedBoardError
from votes.record.phases import Phase
from votes.voting.looking import BrokenReceiptError
from votes.voting.watching import LEAST_BETWEEN_S, LOOKS, MOST_BETWEEN_S, LogWatch, between_looks_s


class InPhase:
    """A board that says it is in another phase."""

    def __init__(self, honest: Answers, phase: Phase, board: bytes) -> None:
        self._honest = honest
        self._phase = phase
        self._board = board

    def answer(self, body: bytes) -> bytes:
        answer = self._honest.answer(body)
        if body[0] != RequestKind.STATE:
            return answer
        content = decode_answer(answer)
        assert isinstance(content, bytes)
        state = decode_state(content, self._board)
        said = BoardState(state.fingerprint, state.record_bytes, state.result_bytes, self._phase, state.head)
        return encode_answer(said.encode())


def look(program: VoterProgram, watch: LogWatch) -> bool:
    return wait_for(watch.look(), program.world.clock, within_s=10_000)


def watch_of_a_voter(program: VoterProgram) -> LogWatch:
    """Return the watch of somebody whose ballot is on the board."""
    booth, board = program.enter()
    kept = program.cast(booth, board, CHOICES)
    program.world.until_closing()
    assert wait_for(booth.receipt(kept, board), program.world.clock) is not None
    return LogWatch(program.setting, booth, board)


def test_all_is_well(program: VoterProgram) -> None:
    watch = watch_of_a_voter(program)
    assert not look(program, watch)
    assert program.said[-2:] == [
        "looked at the board's log of 7 entries: your ballot is there, and nothing was taken back",
        "witness@provider-1 knows this state of the board's log only",
    ]


def test_who_has_not_cast_looks_too(program: VoterProgram) -> None:
    booth, board = program.enter()
    assert not look(program, LogWatch(program.setting, booth, board))
    assert "entries: nothing was taken back" in program.said[-2]


def test_an_exclusion_is_told_once_with_its_reason(program: VoterProgram) -> None:
    watch = watch_of_a_voter(program)
    program.world.exclude(5)
    for _ in range(2):
        assert not look(program, watch)
    told = [line for line in program.said if "excluded" in line]
    assert len(told) == 1
    assert told[0].endswith("was excluded by the administrator, and does not count: left the club")


def test_a_ballot_that_is_gone_convicts_the_board(program: VoterProgram, tmp_path: Path) -> None:
    watch = watch_of_a_voter(program)
    (tmp_path / "other").mkdir()
    other = VotingWorld(tmp_path / "other")
    try:
        # The same board and election, with another voter's ballot in the place of this one.
        other.cast(other.client(), other.booth(1))
        other.until_closing()
        program.world.service.answers = other.service.answers
        with pytest.raises(BrokenReceiptError, match="is not in the log where its receipt says, entry 5"):
            look(program, watch)
    finally:
        other.close()


def test_a_log_that_was_rewritten_convicts_the_board(program: VoterProgram, tmp_path: Path) -> None:
    watch = watch_of_a_voter(program)
    look(program, watch)
    (tmp_path / "other").mkdir()
    other = VotingWorld(tmp_path / "other")
    try:
        for number in range(2):
            other.cast(other.client(f"voter-{number}"), other.booth(number))
        other.until_closing()
        program.world.service.answers = other.service.answers
        with pytest.raises(ForkedBoardError, match="is not that of 7 continued"):
            look(program, watch)
    finally:
        other.close()


def test_a_board_that_is_silent_is_told_and_asked_again(program: VoterProgram) -> None:
    watch = watch_of_a_voter(program)
    program.world.network.cut()
    assert not look(program, watch)
    assert "could not be looked at" in program.said[-1]
    program.world.network.mend()
    assert not look(program, watch)
    assert "your ballot is there" in program.said[-2]


@pytest.mark.parametrize(("phase", "words"), [(Phase.PUBLISHED, "is published"), (Phase.ABANDONED, "was abandoned")])
def test_it_ends_with_the_election(program: VoterProgram, phase: Phase, words: str) -> None:
    booth, board = program.enter()
    service: AnsweringBoard = program.world.service
    watching = Deferred.fromCoroutine(LogWatch(program.setting, booth, board).run())
    for _ in range(100):
        program.world.clock.advance(600)
    assert not watching.called
    service.answers = InPhase(service.answers, phase, booth.board_identity)
    wait_for(watching, program.world.clock, within_s=100_000, step_s=60)
    assert words in program.said[-1]


def test_the_times_of_looks_are_random_and_have_one_mean_for_everybody(world: VotingWorld) -> None:
    """The pauses are exponential: over 400 looks the mean of their times lies within 20 % (4 standard deviations)."""
    program = VoterProgram(world, world.client())
    booth, board = program.enter()
    mean_s = between_looks_s(booth.election)
    pauses: list[float] = []

    class Counted(LogWatch):
        async def look(self) -> bool:
            return len(pauses) == 400

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    watch = Counted(replace(program.setting, pause=pause), booth, board)
    wait_for(Deferred.fromCoroutine(watch.run()), world.clock)
    assert statistics.mean(pauses) == pytest.approx(mean_s, rel=0.2)
    assert statistics.stdev(pauses) == pytest.approx(mean_s, rel=0.3)


def test_short_and_long_elections_have_bounds(world: VotingWorld) -> None:
    election = world.world.election
    open_s = CLOSES_AT - OPENS_AT
    assert between_looks_s(election) == min(MOST_BETWEEN_S, open_s / LOOKS)
    assert between_looks_s(changed(election, closes_at=OPENS_AT + 60, codes_erased_by=OPENS_AT + 60)) == LEAST_BETWEEN_S
    year = OPENS_AT + 365 * 86_400
    assert between_looks_s(changed(election, closes_at=year, codes_erased_by=year)) == MOST_BETWEEN_S
