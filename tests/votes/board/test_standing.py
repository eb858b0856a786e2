from __future__ import annotations

import random

import pytest

from loopixmix.errors import FormatError, PeerError, SignatureError
from tests.worlds.boards import DURING, GROUP, BoardWorld
from tests.worlds.elections import changed
from votes.board.standing import NotNowError
from votes.record.canonical import Hex
from votes.record.election import ElectionParty, encode_election
from votes.record.entries import EntryKind, sign_record
from votes.record.phases import Phase
from votes.record.signing import PartyKey
from votes.record.statements import (
    ErasureStatement,
    MixAnnouncement,
    ResultAnnouncement,
    SharesAnnouncement,
    Statement,
    sign_statement,
)
from votes.record.trustees import MOST_OBJECTIONS, ListCommitment, RecordApproval, TrusteeObjection

DIGEST = Hex(bytes(64))


def statement(boards: BoardWorld, kind: type[Statement], key: PartyKey, **fields: object) -> bytes:
    return sign_statement(kind(fingerprint=Hex(boards.world.fingerprint), **fields), key)


def mix(boards: BoardWorld, poll: int, mixer: int, by: int | None = None) -> bytes:
    key = boards.world.keys.mixers[mixer if by is None else by]
    return statement(boards, MixAnnouncement, key, poll=poll, mixer=mixer, output=DIGEST, proof=DIGEST)


def shares(boards: BoardWorld, poll: int, trustee: int, by: int | None = None) -> bytes:
    key = boards.world.keys.trustees[(trustee if by is None else by) - 1]
    return statement(boards, SharesAnnouncement, key, poll=poll, trustee=trustee, shares=DIGEST)


def lists(boards: BoardWorld, trustee: int, *, count: int = 2, of: bytes = bytes(32)) -> bytes:
    key = boards.world.keys.trustees[trustee - 1]
    return statement(boards, ListCommitment, key, trustee=trustee, lists=(Hex(of),) * count)


def test_only_the_administrators_record_that_names_this_board_is_taken(boards: BoardWorld) -> None:
    world = boards.world
    other = PartyKey.generate(random.Random(77))
    party = ElectionParty(name="Other", identity=Hex(other.identity))
    administrator = world.keys.administrator
    for body, error in (
        (sign_record(world.record, other), SignatureError),
        (sign_record(encode_election(changed(world.election, board=party)), administrator), FormatError),
        (sign_record(encode_election(changed(world.election, administrator=party)), administrator), FormatError),
        (sign_record(encode_election(changed(world.election, title="")), administrator), FormatError),
        (sign_record(world.record + b" ", administrator), FormatError),
    ):
        with pytest.raises(error):
            boards.board.publish_record(body)
    assert boards.board.log.size == 0
    boards.publish()
    with pytest.raises(NotNowError, match="an election already"):
        boards.board.publish_record(sign_record(world.record, administrator))


def test_mixers_and_trustees_announce_in_their_turn(boards: BoardWorld) -> None:
    boards.open()
    announce = boards.board.announce
    with pytest.raises(NotNowError, match="the election is open: there is no mix now"):
        announce(EntryKind.MIX, mix(boards, 0, 0))
    boards.end()
    with pytest.raises(NotNowError, match="mixer 0 has not mixed poll 0 yet"):
        announce(EntryKind.MIX, mix(boards, 0, 1))
    with pytest.raises(SignatureError):
        announce(EntryKind.MIX, mix(boards, 0, 0, by=1))
    for poll in (0, 1):
        for mixer in (0, 1):
            announce(EntryKind.MIX, mix(boards, poll, mixer))
    with pytest.raises(FormatError, match="no mixer 2 or no poll 0"):
        announce(EntryKind.MIX, mix(boards, 0, 2, by=1))
    with pytest.raises(FormatError, match="no mixer 0 or no poll 2"):
        announce(EntryKind.MIX, mix(boards, 2, 0))
    with pytest.raises(NotNowError, match="there is no shares now"):
        announce(EntryKind.SHARES, shares(boards, 0, 1))
    boards.go_on(Phase.CLOSED, Phase.MIXED)
    with pytest.raises(NotNowError, match="trustee 1 has not said yet which lists"):
        announce(EntryKind.SHARES, shares(boards, 0, 1))
    for trustee in (1, 3):
        announce(EntryKind.LISTS, lists(boards, trustee))
        announce(EntryKind.SHARES, shares(boards, 0, trustee))
    with pytest.raises(NotNowError, match="trustee 3 has announced"):
        announce(EntryKind.SHARES, shares(boards, 0, 3))
    with pytest.raises(FormatError, match="no trustee 0"):
        announce(EntryKind.SHARES, shares(boards, 0, 0, by=1))
    with pytest.raises(FormatError, match="no trustee 4"):
        announce(EntryKind.SHARES, shares(boards, 0, 4, by=1))
    boards.go_on(Phase.MIXED, Phase.DECRYPTED)
    result = statement(boards, ResultAnnouncement, boards.world.keys.administrator, result=DIGEST)
    announce(EntryKind.RESULT, result)
    with pytest.raises(NotNowError, match="a result already"):
        announce(EntryKind.RESULT, result)
    boards.go_on(Phase.DECRYPTED, Phase.PUBLISHED)


def test_the_election_opens_when_every_trustee_signed(boards: BoardWorld) -> None:
    boards.publish()
    *most, last = boards.world.approvals()
    for body in most:
        boards.board.announce(EntryKind.APPROVAL, body)
    boards.clock.now_s = DURING
    boards.board.advance()
    assert boards.board.standing.phase is Phase.FROZEN
    assert boards.board.standing.unsigned == "the record is not signed by trustee 3 (Trustee 3)"
    boards.restart()
    with pytest.raises(SignatureError):
        boards.board.announce(EntryKind.APPROVAL, most[0][:64] + last[64:])
    boards.board.announce(EntryKind.APPROVAL, last)
    boards.board.advance()
    assert boards.board.standing.phase is Phase.OPEN
    with pytest.raises(NotNowError, match="there is no approval now"):
        boards.board.announce(EntryKind.APPROVAL, last)


def test_a_signature_under_another_record_or_of_a_stranger_is_none(boards: BoardWorld) -> None:
    boards.publish()
    keys = boards.world.keys
    other = sign_statement(RecordApproval(fingerprint=Hex(bytes(32)), trustee=1), keys.trustees[0])
    with pytest.raises(FormatError, match="another election"):
        boards.board.announce(EntryKind.APPROVAL, other)
    for number in (0, 4):
        with pytest.raises(FormatError, match=f"no trustee {number}"):
            boards.board.announce(
                EntryKind.APPROVAL, statement(boards, RecordApproval, keys.trustees[0], trustee=number)
            )


def test_a_trustee_binds_itself_to_lists_once(boards: BoardWorld) -> None:
    boards.open()
    boards.end()
    with pytest.raises(NotNowError, match="there is no lists now"):
        boards.board.announce(EntryKind.LISTS, lists(boards, 1))
    boards.go_on(Phase.CLOSED, Phase.MIXED)
    with pytest.raises(FormatError, match="3 lists for 2 polls"):
        boards.board.announce(EntryKind.LISTS, lists(boards, 1, count=3))
    boards.board.announce(EntryKind.LISTS, lists(boards, 1))
    boards.restart()
    with pytest.raises(NotNowError, match="trustee 1 has said already"):
        boards.board.announce(EntryKind.LISTS, lists(boards, 1, of=b"1" * 32))


def test_objections_are_taken_at_any_time_and_bounded(boards: BoardWorld) -> None:
    boards.publish()
    key = boards.world.keys.trustees[1]

    def objection(number: int) -> bytes:
        return statement(boards, TrusteeObjection, key, trustee=2, at_s=number, reason="it closed early")

    for number in range(MOST_OBJECTIONS):
        boards.board.announce(EntryKind.OBJECTION, objection(number))
    boards.restart()
    with pytest.raises(NotNowError, match="that is enough"):
        boards.board.announce(EntryKind.OBJECTION, objection(99))
    assert len(boards.board.standing.objections) == MOST_OBJECTIONS


def test_the_erasure_is_written_down_once(boards: BoardWorld) -> None:
    boards.open()
    keys = boards.world.keys
    fields = {"at_s": 1, "erased": (DIGEST,)}
    with pytest.raises(SignatureError):
        boards.board.announce(EntryKind.ERASURE, statement(boards, ErasureStatement, keys.administrator, **fields))
    body = statement(boards, ErasureStatement, keys.credential_authority, **fields)
    boards.board.announce(EntryKind.ERASURE, body)
    with pytest.raises(NotNowError, match="already"):
        boards.board.announce(EntryKind.ERASURE, body)


def test_a_statement_about_another_election_is_refused(boards: BoardWorld) -> None:
    boards.open()
    boards.end()
    key = boards.world.keys.mixers[0]
    other = MixAnnouncement(fingerprint=Hex(bytes(32)), poll=0, mixer=0, output=DIGEST, proof=DIGEST)
    with pytest.raises(FormatError, match="another election"):
        boards.board.announce(EntryKind.MIX, sign_statement(other, key))


def test_how_the_election_stands_is_read_from_the_log_after_a_restart(boards: BoardWorld) -> None:
    boards.open()
    boards.end()
    boards.board.announce(EntryKind.MIX, mix(boards, 1, 0))
    boards.restart()
    standing = boards.board.standing
    assert standing.phase is Phase.CLOSED
    assert set(standing.mixes) == {(1, 0)}
    assert standing.election == boards.world.election
    assert standing.fingerprint == boards.world.fingerprint


def test_what_is_no_statement_is_refused(boards: BoardWorld) -> None:
    with pytest.raises(NotNowError, match="no election yet"):
        boards.board.announce(EntryKind.MIX, b"")
    boards.open()
    with pytest.raises(FormatError, match="a ballot is no statement"):
        boards.board.announce(EntryKind.BALLOT, b"")
    with pytest.raises(PeerError):
        boards.board.announce(EntryKind.RECORD, b"")
    with pytest.raises(PeerError):
        boards.board.announce(EntryKind.TRANSITION, bytes(64))
    assert GROUP.name == boards.world.election.group
