from __future__ import annotations

import hashlib

import pytest

from tests.worlds.boards import DURING, BoardWorld, plain_ballot
from votes.board.answering import VoterAnswers
from votes.board.requests import (
    AskCast,
    AskChallenge,
    AskConsistency,
    AskFind,
    AskInclusion,
    AskPart,
    AskState,
    BoardRefusal,
    BoardRefused,
    RequestKind,
    VoterRequest,
    decode_answer,
    decode_head_and_path,
    decode_state,
    encode_request,
)
from votes.record.entries import Entry, EntryKind, decode_entry
from votes.record.heads import check_growth
from votes.record.merkle import leaf_hash, proves_inclusion
from votes.record.phases import Phase
from votes.record.receipts import decode_receipt
from votes.verify.log import split_entries

RESULT = b'{"result":1}'


class Voter:
    """Somebody at the other end of the network."""

    def __init__(self, boards: BoardWorld) -> None:
        self._boards = boards
        self.board = boards.world.keys.board.identity

    def ask(self, request: VoterRequest) -> bytes | BoardRefused:
        answers = VoterAnswers(self._boards.board, self._boards.casting, result=lambda: RESULT)
        return decode_answer(answers.answer(encode_request(request)))

    def told(self, request: VoterRequest) -> bytes:
        answer = self.ask(request)
        assert isinstance(answer, bytes), answer
        return answer

    def refused(self, request: VoterRequest) -> BoardRefusal:
        answer = self.ask(request)
        assert isinstance(answer, BoardRefused)
        return answer.why


@pytest.fixture
def voter(boards: BoardWorld) -> Voter:
    return Voter(boards)


def test_a_voter_gets_the_record_in_parts(boards: BoardWorld, voter: Voter) -> None:
    boards.open()
    state = decode_state(voter.told(AskState()), voter.board)
    assert (state.phase, state.fingerprint) == (Phase.OPEN, boards.world.fingerprint)
    parts = [voter.told(AskPart(RequestKind.RECORD, offset, 1000)) for offset in range(0, state.record_bytes, 1000)]
    assert b"".join(parts) == boards.world.record
    assert voter.refused(AskPart(RequestKind.RECORD, state.record_bytes, 1)) is BoardRefusal.UNKNOWN
    assert state.result_bytes == len(RESULT)
    assert voter.told(AskPart(RequestKind.RESULT, 0, 99)) == RESULT


def test_a_voter_casts_and_sees_that_the_ballot_is_on_the_board(boards: BoardWorld, voter: Voter) -> None:
    boards.open()
    before = decode_state(voter.told(AskState()), voter.board).head.head
    ballot = plain_ballot(1)
    receipt = decode_receipt(voter.told(AskCast(ballot)), voter.board)
    assert receipt.fingerprint == boards.world.fingerprint
    assert receipt.digest == hashlib.sha256(ballot).digest()
    assert receipt.at_s == DURING
    assert voter.told(AskFind(receipt.digest)) == voter.told(AskCast(ballot))
    boards.casting.cast(plain_ballot(2))
    proof = decode_head_and_path(voter.told(AskInclusion(receipt.index)), voter.board)
    leaf = leaf_hash(Entry(EntryKind.BALLOT, receipt.at_s, ballot).encode())
    head = proof.head.head
    assert proves_inclusion(leaf, receipt.index, head.size, proof.path, head.root)
    growth = decode_head_and_path(voter.told(AskConsistency(before.size)), voter.board)
    check_growth(before, growth.head.head, growth.path)


def test_proofs_for_a_head_that_the_voter_has_stay_when_the_log_grows(boards: BoardWorld, voter: Voter) -> None:
    boards.open()
    first = decode_state(voter.told(AskState()), voter.board).head.head
    ballot = plain_ballot(1)
    receipt = decode_receipt(voter.told(AskCast(ballot)), voter.board)
    seen = decode_state(voter.told(AskState()), voter.board).head.head
    boards.casting.cast(plain_ballot(2))
    leaf = leaf_hash(Entry(EntryKind.BALLOT, receipt.at_s, ballot).encode())
    proof = decode_head_and_path(voter.told(AskInclusion(receipt.index, seen.size)), voter.board)
    assert proof.head.head.size == seen.size + 1
    assert proves_inclusion(leaf, receipt.index, seen.size, proof.path, seen.root)
    growth = decode_head_and_path(voter.told(AskConsistency(first.size, seen.size)), voter.board)
    check_growth(first, seen, growth.path)
    for wrong in (AskInclusion(receipt.index, receipt.index), AskInclusion(0, 99), AskConsistency(3, 2)):
        assert voter.refused(wrong) is BoardRefusal.UNKNOWN


def test_voters_learn_which_ballots_are_excluded(boards: BoardWorld, voter: Voter) -> None:
    boards.open()
    whole = AskPart(RequestKind.EXCLUSIONS, 0, 1000)
    assert voter.told(whole) == b""
    for voter_number in range(3):
        boards.casting.cast(plain_ballot(voter_number))
    for entry in (5, 7):
        boards.board.announce(EntryKind.EXCLUSION, boards.exclusion(entry))
    told = voter.told(whole)
    boards.restart()
    assert voter.told(whole) == told
    entries = [decode_entry(each) for each in split_entries(told)]
    assert [each.kind for each in entries] == [EntryKind.EXCLUSION] * 2
    # Later, only what is new is asked for.
    assert voter.told(AskPart(RequestKind.EXCLUSIONS, len(entries[0].encode()), 1000)) == entries[1].encode()
    assert voter.told(AskPart(RequestKind.EXCLUSIONS, len(told), 1000)) == b""
    assert voter.refused(AskPart(RequestKind.EXCLUSIONS, len(told) + 1, 1000)) is BoardRefusal.UNKNOWN


def test_a_challenge_gets_a_receipt_too(boards: BoardWorld, voter: Voter) -> None:
    boards.open()
    receipt = decode_receipt(voter.told(AskChallenge(b"open" + plain_ballot(1))), voter.board)
    assert receipt.index == 5
    assert voter.refused(AskCast(plain_ballot(1))) is BoardRefusal.CHALLENGED


def test_what_cannot_be_answered_is_refused_with_a_reason(boards: BoardWorld, voter: Voter) -> None:
    for request in (AskState(), AskPart(RequestKind.RECORD, 0, 1), AskInclusion(0), AskConsistency(0)):
        assert voter.refused(request) is BoardRefusal.NO_ELECTION
    assert voter.refused(AskCast(plain_ballot(1))) is BoardRefusal.NO_ELECTION
    boards.open()
    assert voter.refused(AskInclusion(6)) is BoardRefusal.UNKNOWN
    assert voter.refused(AskConsistency(7)) is BoardRefusal.UNKNOWN
    assert voter.refused(AskFind(bytes(32))) is BoardRefusal.UNKNOWN
    answers = VoterAnswers(boards.board, boards.casting, result=bytes)
    malformed = decode_answer(answers.answer(b"\xff"))
    assert isinstance(malformed, BoardRefused)
    assert malformed.why is BoardRefusal.MALFORMED
