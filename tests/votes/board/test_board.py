from __future__ import annotations

import pytest

from loopixmix.errors import SignatureError
from tests.worlds.boards import DURING, BoardWorld, plain_ballot
from tests.worlds.elections import CLOSES_AT, OPENS_AT
from votes.board.board import BadReferenceError
from votes.board.casting import Stored
from votes.board.standing import NotNowError
from votes.board.store.rows import entries_from
from votes.record.entries import EntryKind, decode_entry
from votes.record.phases import Phase
from votes.verify.log import LogReader, split_entries


def test_the_election_opens_and_closes_by_the_clock(boards: BoardWorld) -> None:
    boards.publish()
    boards.sign()
    for now_s, phase in (
        (OPENS_AT - 1, Phase.FROZEN),
        (OPENS_AT, Phase.OPEN),
        (CLOSES_AT - 1, Phase.OPEN),
        (CLOSES_AT, Phase.CLOSED),
    ):
        boards.clock.now_s = now_s
        boards.board.advance()
        boards.board.advance()
        assert boards.board.standing.phase is phase
    assert boards.board.log.size == 6


def test_a_board_that_was_down_all_the_time_opens_and_closes(boards: BoardWorld) -> None:
    boards.publish()
    boards.sign()
    boards.clock.now_s = CLOSES_AT + 999
    boards.restart()
    boards.board.advance()
    assert boards.board.standing.phase is Phase.CLOSED


def test_without_a_record_nothing_opens(boards: BoardWorld) -> None:
    boards.clock.now_s = DURING
    boards.board.advance()
    assert boards.board.log.size == 0
    with pytest.raises(NotNowError, match="no election yet"):
        boards.board.head()


def test_a_verifier_reads_the_log_from_its_first_entry_to_its_last(boards: BoardWorld) -> None:
    boards.open()
    stored = boards.casting.cast(plain_ballot(1))
    boards.casting.cast(plain_ballot(2))
    assert isinstance(stored, Stored)
    boards.board.announce(EntryKind.EXCLUSION, boards.exclusion(stored.index))
    boards.end()
    world = boards.world
    reader = LogReader(world.election, world.record, world.fingerprint)
    for encoded in split_entries((boards.directory / "entries").read_bytes()):
        reader.take(encoded)
    assert reader.log.phase is Phase.CLOSED
    assert [index for index, _ in reader.log.ballots] == [5, 6]
    assert [each.entry for _, each in reader.log.exclusions] == [5]


def test_a_ballot_is_excluded_with_a_public_reason_and_once(boards: BoardWorld) -> None:
    boards.open()
    stored = boards.casting.cast(plain_ballot(1))
    assert isinstance(stored, Stored)
    with pytest.raises(SignatureError):
        boards.board.announce(EntryKind.EXCLUSION, boards.exclusion(stored.index, boards.world.keys.board))
    for wrong in (0, 99):
        with pytest.raises(BadReferenceError, match="is no ballot"):
            boards.board.announce(EntryKind.EXCLUSION, boards.exclusion(wrong))
    boards.board.announce(EntryKind.EXCLUSION, boards.exclusion(stored.index))
    assert boards.board.standing.excluded == {stored.index: "its proof is wrong"}
    boards.restart()
    with pytest.raises(NotNowError, match="excluded already"):
        boards.board.announce(EntryKind.EXCLUSION, boards.exclusion(stored.index))


def test_turnout_is_told_by_hour_and_counts_each_voter_once(boards: BoardWorld) -> None:
    boards.open()
    for voter in range(3):
        boards.casting.cast(plain_ballot(voter))
    boards.clock.now_s += 3600
    boards.casting.cast(plain_ballot(2, counter=2))
    boards.casting.cast(plain_ballot(3))
    hour = DURING - DURING % 3600
    assert boards.board.turnout() == [(hour, 3), (hour + 3600, 1)]


def test_an_abandoned_election_takes_nothing_any_more(boards: BoardWorld) -> None:
    boards.open()
    boards.go_on(Phase.OPEN, Phase.ABANDONED, reason="a fire")
    assert not isinstance(boards.casting.cast(plain_ballot(1)), Stored)
    boards.end()
    assert boards.board.standing.phase is Phase.ABANDONED


def test_the_entries_are_those_of_the_page(boards: BoardWorld) -> None:
    boards.open()
    boards.casting.cast(plain_ballot(1))
    stored = boards.board.log.read(lambda connection: entries_from(connection, 0, 99))
    kinds = [decode_entry(each.entry.encode()).kind for each in stored]
    assert kinds == [EntryKind.RECORD, *[EntryKind.APPROVAL] * 3, EntryKind.TRANSITION, EntryKind.BALLOT]
