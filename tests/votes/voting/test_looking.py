from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from client.testing import FakeClient, wait_for
from loopixmix.errors import FormatError, PeerError, SignatureError
from tests.worlds.voting import AnsweringBoard, Answers, VotingWorld
from votes.ballot.choices import Choice, ChosenOptions, YesOrNo
from votes.board.requests import BoardRefusal, BoardRefused, RequestKind, encode_answer
from votes.record.canonical import Hex
from votes.record.entries import Entry, EntryKind
from votes.record.heads import ForkedBoardError, decode_head
from votes.record.statements import Exclusion, sign_statement
from votes.voting.asking import MOST_EXCLUSIONS_BYTES, PART_BYTES, BoardRefusedError, WrongBoardError
from votes.voting.looking import BrokenReceiptError
from votes.witness.requests import ShownHead

CHOICES: Sequence[Choice] = (ChosenOptions(frozenset({1})), YesOrNo(True))


def test_a_board_that_drops_the_ballot_is_convicted_by_its_receipt(
    world: VotingWorld, client: FakeClient, tmp_path: Path
) -> None:
    booth, board = world.booth(0), world.questions(client)
    kept = world.cast(client, booth)
    world.until_closing()
    receipt = wait_for(booth.receipt(kept, board), world.clock)
    assert receipt is not None
    other = msgspec.structs.replace(kept, ballot=world.booth(1).prepare(CHOICES).made.ballot.encoding)
    with pytest.raises(BrokenReceiptError, match="not in the log"):
        wait_for(booth.log.check(other, receipt, board), world.clock)


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
    kept = world.cast(client, booth)
    world.until_closing()
    receipt = wait_for(booth.receipt(kept, world.questions(client)), world.clock)
    assert receipt is not None
    (tmp_path / "other").mkdir()
    shown = VotingWorld(tmp_path / "other")
    try:
        shown.cast(shown.client(), shown.booth(1))
        shown.until_closing()
        world.service.answers = _TwoLogs(shown.service, world.service)
        with pytest.raises(BrokenReceiptError, match="not in the log"):
            wait_for(booth.log.check(kept, receipt, world.questions(client)), world.clock)
    finally:
        shown.close()


def test_a_shortened_board_is_found(world: VotingWorld, client: FakeClient, tmp_path: Path) -> None:
    booth = world.booth(0)
    world.cast(client, booth)
    world.until_closing()
    head = wait_for(booth.log.follow(world.questions(client)), world.clock)
    (tmp_path / "other").mkdir()
    forked = VotingWorld(tmp_path / "other")
    try:
        with pytest.raises(ForkedBoardError, match="had 6 entries, and now has 5: it is shortened"):
            wait_for(booth.log.follow(forked.questions(forked.client())), forked.clock)
    finally:
        forked.close()
    assert booth.home.head(booth.board_identity) == head
    # Both heads are kept: together they convict the board.
    kept = [path.read_bytes() for path in sorted(booth.home.path.glob("evidence-*"))]
    assert [decode_head(each, booth.board_identity).head.size for each in kept] == [5, 6]


def test_a_board_that_shows_two_logs_is_found_through_a_witness(
    world: VotingWorld, client: FakeClient, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    forked = VotingWorld(tmp_path / "other")
    try:
        # The same board and election, shown with another ballot to another voter.
        other = forked.booth(1)
        forked.cast(forked.client(), other)
        forked.until_closing()
        seen = wait_for(other.log.follow(forked.questions(forked.client("two"))), forked.clock)
    finally:
        forked.close()
    shown = ShownHead(other.board_identity, seen).encode()
    wait_for(client.request("witness@provider-1", shown, timeout_s=60), world.clock)
    booth = world.booth(0)
    world.cast(client, booth)
    world.until_closing()
    with pytest.raises(ForkedBoardError):
        wait_for(booth.log.compare(world.questions(client), "witness@provider-1"), world.clock)


def test_voters_of_an_honest_board_see_one_log(world: VotingWorld, client: FakeClient) -> None:
    for number in range(2):
        booth = world.booth(number)
        world.cast(client, booth)
        world.clock.advance(600)
        count = wait_for(booth.log.compare(world.questions(client), "witness@provider-1"), world.clock)
    assert count >= 1


def test_a_refusal_for_another_reason_convicts_nobody(world: VotingWorld, client: FakeClient) -> None:
    booth, honest = world.booth(0), world.service.answers
    wait_for(booth.log.follow(world.questions(client)), world.clock)
    world.cast(client, booth)
    world.until_closing()
    world.service.answers = _Busy(honest)
    with pytest.raises(BoardRefusedError, match="busy"):
        wait_for(booth.log.follow(world.questions(client)), world.clock)
    assert list(booth.home.path.glob("evidence-*")) == []


class _Busy:
    """A board that gives no proof just now."""

    def __init__(self, honest: Answers) -> None:
        self._honest = honest

    def answer(self, body: bytes) -> bytes:
        if body[0] == RequestKind.CONSISTENCY:
            return encode_answer(BoardRefused(BoardRefusal.UNKNOWN, "busy"))
        return self._honest.answer(body)


def test_exclusions_are_loaded_once_and_kept(world: VotingWorld, client: FakeClient) -> None:
    booth, board = world.booth(0), world.questions(client)
    assert wait_for(booth.log.exclusions(board), world.clock) == {}
    for number in range(2):
        world.cast(client, world.booth(number))
    world.until_closing()
    world.exclude(5)
    assert wait_for(booth.log.exclusions(board), world.clock) == {5: "left the club"}
    world.exclude(6, "twice in the list")
    assert wait_for(booth.log.exclusions(board), world.clock) == {5: "left the club", 6: "twice in the list"}
    assert world.booth(0).log.excluded() == {5: "left the club", 6: "twice in the list"}
    starts = [int.from_bytes(body[1:5], "big") for body in world.service.asked if body[0] == RequestKind.EXCLUSIONS]
    assert starts[:2] == [0, 0]
    assert starts[2] > 0


class _GivesInstead:
    """A board that gives something else where exclusions are asked for."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def answer(self, body: bytes) -> bytes:
        return encode_answer(self._content)


def test_an_exclusion_counts_if_the_administrator_signed_it(world: VotingWorld, client: FakeClient) -> None:
    world.cast(client, world.booth(0))
    world.until_closing()
    world.exclude(5)
    good = world.board.exclusions
    ballot = Entry(EntryKind.BALLOT, 1, b"ballot").encode()
    long = good * (MOST_EXCLUSIONS_BYTES // len(good))
    for wrong, error in (
        (good[:-1] + bytes([good[-1] ^ 1]), PeerError),
        (good[:20] + bytes([good[20] ^ 1]) + good[21:], SignatureError),
        (good[:-1], FormatError),
        (ballot, WrongBoardError),
        (long[:PART_BYTES], WrongBoardError),
    ):
        world.service.answers = _GivesInstead(wrong)
        booth = world.booth(0)
        with pytest.raises(error):
            wait_for(booth.log.exclusions(world.questions(client)), world.clock, within_s=10_000)
        assert booth.log.excluded() == {}


def test_an_exclusion_of_another_election_is_refused(world: VotingWorld, client: FakeClient, tmp_path: Path) -> None:
    statement = Exclusion(fingerprint=Hex(bytes(32)), entry=2, reason="left the club")
    body = sign_statement(statement, world.world.keys.administrator)
    world.service.answers = _GivesInstead(Entry(EntryKind.EXCLUSION, 1, body).encode())
    with pytest.raises(WrongBoardError, match="another election"):
        wait_for(world.booth(0).log.exclusions(world.questions(client)), world.clock)
