from __future__ import annotations

import hashlib
import random

import pytest

from loopixmix.errors import SignatureError
from tests.worlds.boards import BoardWorld
from tests.worlds.elections import changed
from votes.board.announcing import Announcing
from votes.board.uploads import UploadFolder
from votes.record.canonical import Hex
from votes.record.entries import EntryKind, sign_record
from votes.record.phases import Phase
from votes.record.statements import (
    MixAnnouncement,
    ResultAnnouncement,
    SharesAnnouncement,
    Statement,
    sign_statement,
)
from votes.record.trustees import ListCommitment

FILES = {hashlib.sha512(content).digest(): content for content in (b"output", b"proof", b"shares", b"result")}
OUTPUT, PROOF, SHARES, RESULT = map(Hex, FILES)


class Parties:
    """Those who announce, and send their files."""

    def __init__(self, boards: BoardWorld) -> None:
        self.boards = boards
        self.uploads = UploadFolder(boards.directory / "files", rng=random.Random(1))
        self.announcing = Announcing(boards.board, self.uploads)

    def mix(self, output: Hex = OUTPUT) -> bytes:
        return self._signed(MixAnnouncement, 0, poll=0, mixer=0, output=output, proof=PROOF)

    def shares(self) -> bytes:
        return self._signed(SharesAnnouncement, 1, poll=0, trustee=1, shares=SHARES)

    def bind(self) -> None:
        """Let the trustee say which lists it decrypts."""
        body = self._signed(ListCommitment, 1, trustee=1, lists=(Hex(bytes(32)), Hex(bytes(32))))
        assert isinstance(self.announcing.announce(EntryKind.LISTS, body), int)

    def result(self) -> bytes:
        return self._signed(ResultAnnouncement, 2, result=RESULT)

    def _signed(self, kind: type[Statement], who: int, **fields: object) -> bytes:
        keys = self.boards.world.keys
        key = (keys.mixers[0], keys.trustees[0], keys.administrator)[who]
        return sign_statement(kind(fingerprint=Hex(self.boards.world.fingerprint), **fields), key)

    def send(self, kind: EntryKind, body: bytes) -> int:
        """Announce, send what is missing, announce again."""
        missing = self.announcing.announce(kind, body)
        assert isinstance(missing, list)
        for each in missing:
            self.uploads.take(each.digest, each.token, each.have_bytes, FILES[each.digest])
            self.uploads.finish(each.digest, each.token)
        index = self.announcing.announce(kind, body)
        assert isinstance(index, int)
        return index


@pytest.fixture
def parties(boards: BoardWorld) -> Parties:
    return Parties(boards)


def test_an_entry_is_written_when_its_files_are_there(parties: Parties) -> None:
    parties.boards.open()
    parties.boards.end()
    missing = parties.announcing.announce(EntryKind.MIX, parties.mix())
    assert isinstance(missing, list)
    assert [each.digest for each in missing] == [OUTPUT, PROOF]
    assert parties.boards.board.log.size == 6
    assert parties.send(EntryKind.MIX, parties.mix()) == 6


def test_an_older_mix_that_anybody_sends_again_does_not_replace_the_newer_one(parties: Parties) -> None:
    """Statements are public: whoever reads the log can hand them in once more."""
    boards = parties.boards
    boards.open()
    boards.end()
    first = parties.send(EntryKind.MIX, parties.mix())
    second = parties.send(EntryKind.MIX, parties.mix(RESULT))
    for _ in range(2):
        assert parties.announcing.announce(EntryKind.MIX, parties.mix()) == first
        assert parties.announcing.announce(EntryKind.MIX, parties.mix(RESULT)) == second
    assert boards.board.standing.mixes[0, 0].output == RESULT
    assert boards.board.log.size == second + 1
    boards.restart()
    again = Announcing(boards.board, parties.uploads)
    assert again.announce(EntryKind.MIX, parties.mix()) == first
    assert boards.board.standing.mixes[0, 0].output == RESULT


def test_who_did_not_hear_the_answer_hands_in_the_same_once_more(parties: Parties) -> None:
    boards = parties.boards
    boards.open()
    boards.end()
    boards.go_on(Phase.CLOSED, Phase.MIXED)
    parties.bind()
    index = parties.send(EntryKind.SHARES, parties.shares())
    boards.go_on(Phase.MIXED, Phase.DECRYPTED)
    assert parties.announcing.announce(EntryKind.SHARES, parties.shares()) == index
    record = sign_record(boards.world.record, boards.world.keys.administrator)
    assert parties.announcing.announce(EntryKind.RECORD, record) == 0


def test_no_file_is_taken_for_a_statement_that_is_not(parties: Parties) -> None:
    parties.boards.open()
    parties.boards.end()
    with pytest.raises(SignatureError):
        parties.announcing.announce(EntryKind.MIX, bytes(64) + parties.mix()[64:])
    assert list((parties.boards.directory / "files").iterdir()) == []


def test_the_record_begins_the_log(parties: Parties) -> None:
    world = parties.boards.world
    body = sign_record(world.record, world.keys.administrator)
    assert parties.announcing.announce(EntryKind.RECORD, body) == 0


def test_a_published_result_is_given_to_voters(parties: Parties) -> None:
    boards = parties.boards
    assert parties.announcing.result() == b""
    boards.open()
    boards.end()
    boards.go_on(Phase.CLOSED, Phase.MIXED)
    parties.bind()
    parties.send(EntryKind.SHARES, parties.shares())
    boards.go_on(Phase.MIXED, Phase.DECRYPTED)
    assert parties.announcing.result() == b""
    parties.send(EntryKind.RESULT, parties.result())
    assert parties.announcing.result() == b"result"


def test_where_only_counts_are_published_no_shares_are(parties: Parties) -> None:
    boards = parties.boards
    boards.world = type(boards.world)(
        changed(boards.world.election, counts_only=True), boards.world.keys, boards.world.secret
    )
    boards.open()
    boards.end()
    boards.go_on(Phase.CLOSED, Phase.MIXED)
    parties.bind()
    assert isinstance(parties.announcing.announce(EntryKind.SHARES, parties.shares()), int)
