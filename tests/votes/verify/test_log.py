"""What a log must not hold, whoever signed it: each rule of its reader, broken by the last entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest

from tests.worlds.elections import CLOSES_AT, OPENS_AT
from tests.worlds.whole_elections import CHOICES, WholeElection
from votes.record.canonical import Hex
from votes.record.entries import EntryKind, sign_record
from votes.record.phases import Phase, Transition
from votes.record.signing import PartyKey
from votes.record.statements import (
    ErasureStatement,
    Exclusion,
    MixAnnouncement,
    ResultAnnouncement,
    SharesAnnouncement,
    Statement,
)
from votes.record.trustees import MOST_OBJECTIONS, ListCommitment, RecordApproval, TrusteeObjection
from votes.verify.log import LogError, LogReader

A_FILE, ANOTHER_FILE = Hex(bytes([1] * 64)), Hex(bytes([2] * 64))
LISTS = (Hex(bytes([3] * 32)), Hex(bytes([4] * 32)))
ELSEWHERE = Hex(bytes([5] * 32))


class BoardsLog(WholeElection):
    """A log without real mixes and shares: its reader does not look into files."""

    @property
    def here(self) -> Hex:
        return Hex(self.world.fingerprint)

    def go_to(self, phase: Phase) -> None:
        """Write down what comes before a phase; a ballot, if it was open."""
        if phase is Phase.FROZEN:
            return
        self.open()
        self.append(EntryKind.BALLOT, self.voters.cast(0, CHOICES[0]), OPENS_AT)
        steps = (Phase.OPEN, Phase.CLOSED, Phase.MIXED, Phase.DECRYPTED)
        for before, after in pairwise(steps):
            if before is phase:
                return
            signer = self.world.keys.board if after is Phase.CLOSED else self.world.keys.administrator
            self.go_on(before, after, CLOSES_AT, signer)

    def bind_only(self, trustee: int = 1) -> None:
        """Let a trustee say which lists it decrypts."""
        commitment = ListCommitment(fingerprint=self.here, trustee=trustee, lists=LISTS)
        self.say(EntryKind.LISTS, commitment, self.world.keys.trustees[trustee - 1])

    def refusal(self) -> str:
        """Return why the last entry is refused; all others are right."""
        reader = LogReader(self.world.election, self.world.record, self.world.fingerprint)
        *right, wrong = self.entries
        for each in right:
            reader.take(each)
        with pytest.raises(LogError) as refused:
            reader.take(wrong)
        assert refused.value.index == reader.size == len(right)
        return str(refused.value).partition(": ")[2]


@pytest.fixture
def log() -> BoardsLog:
    return BoardsLog()


@dataclass(frozen=True)
class Said:
    """A statement that one party may make when the election is in `phase`. It is given the fingerprint."""

    kind: EntryKind
    phase: Phase
    statement: Callable[[Hex], Statement]
    signer: Callable[[WholeElection], PartyKey]


def administrator(election: WholeElection) -> PartyKey:
    return election.world.keys.administrator


def authority(election: WholeElection) -> PartyKey:
    return election.world.keys.credential_authority


def mixer(election: WholeElection) -> PartyKey:
    return election.world.keys.mixers[0]


def trustee(election: WholeElection) -> PartyKey:
    return election.world.keys.trustees[0]


SAID: Sequence[Said] = (
    Said(EntryKind.APPROVAL, Phase.FROZEN, lambda at: RecordApproval(fingerprint=at, trustee=1), trustee),
    Said(EntryKind.EXCLUSION, Phase.OPEN, lambda at: Exclusion(fingerprint=at, entry=5, reason="sold"), administrator),
    Said(
        EntryKind.MIX,
        Phase.CLOSED,
        lambda at: MixAnnouncement(fingerprint=at, poll=0, mixer=0, output=A_FILE, proof=A_FILE),
        mixer,
    ),
    Said(EntryKind.LISTS, Phase.MIXED, lambda at: ListCommitment(fingerprint=at, trustee=1, lists=LISTS), trustee),
    Said(
        EntryKind.SHARES,
        Phase.MIXED,
        lambda at: SharesAnnouncement(fingerprint=at, poll=0, trustee=2, shares=A_FILE),
        lambda election: election.world.keys.trustees[1],
    ),
    Said(
        EntryKind.RESULT, Phase.DECRYPTED, lambda at: ResultAnnouncement(fingerprint=at, result=A_FILE), administrator
    ),
    Said(
        EntryKind.ERASURE,
        Phase.CLOSED,
        lambda at: ErasureStatement(fingerprint=at, at_s=CLOSES_AT, erased=(A_FILE,)),
        authority,
    ),
    Said(
        EntryKind.OBJECTION,
        Phase.OPEN,
        lambda at: TrusteeObjection(fingerprint=at, trustee=1, at_s=OPENS_AT, reason="too early"),
        trustee,
    ),
)


def say(log: BoardsLog, said: Said, fingerprint: Hex, by: PartyKey | None = None) -> None:
    """Bring the election to the phase of a statement, and write it down."""
    log.go_to(said.phase)
    if said.kind is EntryKind.SHARES:
        log.bind_only(2)
    at_s = CLOSES_AT if said.phase in (Phase.CLOSED, Phase.MIXED, Phase.DECRYPTED) else OPENS_AT - 5
    at_s = OPENS_AT if said.phase is Phase.OPEN else at_s
    log.say(said.kind, said.statement(fingerprint), by or said.signer(log), at_s)


@pytest.mark.parametrize("said", SAID, ids=lambda said: said.kind.name.lower())
def test_a_statement_counts_in_its_own_election_once_and_by_its_party(said: Said) -> None:
    right = BoardsLog()
    say(right, said, right.here)
    reader = LogReader(right.world.election, right.world.record, right.world.fingerprint)
    for each in right.entries:
        reader.take(each)
    right.entries.append(right.entries[-1])
    assert right.refusal() == f"the same {said.kind.name.lower()} is there twice"
    elsewhere = BoardsLog()
    say(elsewhere, said, ELSEWHERE)
    assert elsewhere.refusal() == "it is about another election"
    forged = BoardsLog()
    say(forged, said, forged.here, forged.world.keys.mixers[1])
    assert "signature" in forged.refusal()


def test_a_transition_of_another_election_is_refused(log: BoardsLog) -> None:
    log.sign()
    transition = Transition(fingerprint=ELSEWHERE, before=Phase.FROZEN, after=Phase.OPEN, at_s=OPENS_AT, reason="")
    log.say(EntryKind.TRANSITION, transition, log.world.keys.board, OPENS_AT)
    assert log.refusal() == "the transition is one of another election"


def test_time_never_goes_back(log: BoardsLog) -> None:
    log.sign((1,))
    log.append(EntryKind.APPROVAL, log.world.approvals()[1], OPENS_AT - 6)
    assert log.refusal() == f"its time, {OPENS_AT - 6}, is before that of the entry before, {OPENS_AT - 5}"


def test_a_log_begins_with_its_record_and_has_no_other(log: BoardsLog) -> None:
    log.append(EntryKind.RECORD, sign_record(log.world.record, log.world.keys.administrator), OPENS_AT - 5)
    assert log.refusal() == "there is a second record"
    del log.entries[1:]
    log.entries[0] = WholeElection(seed=4).entries[0]
    assert "signature" in log.refusal()
    log.entries.clear()
    log.sign((1,))
    assert log.refusal() == "the first entry is not the record"


def test_the_record_in_the_log_is_the_published_one(log: BoardsLog) -> None:
    reader = LogReader(log.world.election, log.world.record + b" ", log.world.fingerprint)
    with pytest.raises(LogError, match="the record in the log is another one"):
        reader.take(log.entries[0])


def test_there_is_one_result_and_one_erasure(log: BoardsLog) -> None:
    log.go_to(Phase.DECRYPTED)
    for number, file in enumerate((A_FILE, ANOTHER_FILE)):
        log.say(
            EntryKind.ERASURE,
            ErasureStatement(fingerprint=log.here, at_s=CLOSES_AT + number, erased=()),
            authority(log),
        )
        log.say(EntryKind.RESULT, ResultAnnouncement(fingerprint=log.here, result=file), administrator(log))
    second_result = log.entries.pop()
    assert log.refusal() == "there is a second erasure"
    log.entries[-1] = second_result
    assert log.refusal() == "there is a second result"


def test_a_trustee_gives_one_share_of_a_poll(log: BoardsLog) -> None:
    log.go_to(Phase.MIXED)
    log.bind_only()
    for poll, file in ((0, A_FILE), (1, A_FILE), (0, ANOTHER_FILE)):
        share = SharesAnnouncement(fingerprint=log.here, poll=poll, trustee=1, shares=file)
        log.say(EntryKind.SHARES, share, trustee(log))
    assert log.refusal() == "trustee 1 announces a second share of poll 0"


def test_a_trustee_objects_so_often_and_no_more(log: BoardsLog) -> None:
    for number in range(MOST_OBJECTIONS + 1):
        objection = TrusteeObjection(fingerprint=log.here, trustee=1, at_s=OPENS_AT + number, reason="again")
        log.say(EntryKind.OBJECTION, objection, trustee(log), OPENS_AT - 5)
    assert log.refusal() == f"trustee 1 objects more than {MOST_OBJECTIONS} times"


@pytest.mark.parametrize(("poll", "number"), [(0, 2), (2, 0)])
def test_there_is_no_mixer_and_no_poll_that_the_record_does_not_name(log: BoardsLog, poll: int, number: int) -> None:
    log.go_to(Phase.CLOSED)
    mix = MixAnnouncement(fingerprint=log.here, poll=poll, mixer=number, output=A_FILE, proof=A_FILE)
    log.say(EntryKind.MIX, mix, mixer(log))
    assert log.refusal() == f"there is no mixer {number} or no poll {poll}"


@pytest.mark.parametrize(("poll", "number"), [(0, 0), (0, 4), (2, 1)])
def test_there_is_no_trustee_that_the_record_does_not_name(log: BoardsLog, poll: int, number: int) -> None:
    log.go_to(Phase.MIXED)
    share = SharesAnnouncement(fingerprint=log.here, poll=poll, trustee=number, shares=A_FILE)
    log.say(EntryKind.SHARES, share, trustee(log))
    assert log.refusal() == f"there is no trustee {number} or no poll {poll}"


def test_a_trustee_binds_itself_to_a_list_for_each_poll(log: BoardsLog) -> None:
    log.go_to(Phase.MIXED)
    commitment = ListCommitment(fingerprint=log.here, trustee=1, lists=LISTS[:1])
    log.say(EntryKind.LISTS, commitment, trustee(log))
    assert log.refusal() == "it names 1 lists; there are 2 polls"
