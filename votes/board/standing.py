"""How an election stands: its record and phase, and what parties have announced; read from the log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias, TypeVar

from loopixmix.errors import FormatError, PeerError
from loopixmix.group.group import Group
from loopixmix.seams import Identity
from votes.board.store.rows import StoredEntry
from votes.record.election import Election, encode_election
from votes.record.entries import EntryKind, open_record
from votes.record.fingerprint import fingerprint_of
from votes.record.phases import ALLOWED_IN, Phase, Transition, open_transition
from votes.record.rules.reading import decode_election
from votes.record.statements import (
    ErasureStatement,
    Exclusion,
    MixAnnouncement,
    ResultAnnouncement,
    SharesAnnouncement,
    Statement,
    open_statement,
)
from votes.record.trustees import (
    MOST_OBJECTIONS,
    ListCommitment,
    RecordApproval,
    TrusteeObjection,
    trustee_identity,
    unsigned_by,
)

Announced: TypeAlias = (
    Transition
    | Exclusion
    | MixAnnouncement
    | SharesAnnouncement
    | ResultAnnouncement
    | ErasureStatement
    | RecordApproval
    | ListCommitment
    | TrusteeObjection
)

_A = TypeVar("_A", bound=Statement)


class NotNowError(PeerError):
    """The board does not take this now."""


class ElectionStanding:
    """The state of one election. Its owner sees to it that one thread at a time changes it."""

    def __init__(self, group: Group, *, board: Identity, administrator: Identity) -> None:
        """Begin without a record. Only one that `administrator` signed, and that names this board, is taken."""
        self._group = group
        self._board = board
        self._administrator = administrator
        self.record = b""
        self.fingerprint = b""
        self.phase = Phase.KEYED
        self._election: Election | None = None
        self.excluded: dict[int, str] = {}
        self.mixes: dict[tuple[int, int], MixAnnouncement] = {}
        self.approvals: dict[int, bytes] = {}
        """By trustee, from 1: signatures and statements, as the log has them."""
        self.lists: dict[int, ListCommitment] = {}
        self.shares: dict[tuple[int, int], SharesAnnouncement] = {}
        self.objections: list[TrusteeObjection] = []
        self.result: ResultAnnouncement | None = None
        self.erasure: ErasureStatement | None = None

    @property
    def election(self) -> Election:
        """The election; raise `NotNowError` if the board has no record yet."""
        if self._election is None:
            raise NotNowError("the board has no election yet")
        return self._election

    @property
    def has_election(self) -> bool:
        """Whether the board has a record."""
        return self._election is not None

    @property
    def unsigned(self) -> str | None:
        """Which trustees have not signed the record yet, in words; None if all have."""
        return unsigned_by(self.election, self.approvals)

    def replay(self, entries: Iterable[StoredEntry]) -> None:
        """Take what is in the log already."""
        for stored in entries:
            kind, body = stored.entry.kind, stored.entry.body
            if kind is EntryKind.RECORD:
                self.take_record(self.check_record(body))
            else:
                self.take(self.check(kind, body), body)

    def check_record(self, body: bytes) -> Election:
        """Return the election whose record is in `body`, or raise `PeerError` if the board does not take it."""
        if self.has_election:
            raise NotNowError("the board has an election already")
        record = open_record(body, self._administrator)
        election = decode_election(record, self._group)
        if election.board.identity != self._board:
            raise FormatError("the record names another board")
        if election.administrator.identity != self._administrator:
            raise FormatError("the record names another administrator")
        return election

    def take_record(self, election: Election) -> None:
        """Begin with an election that was checked."""
        self._election, self.record = election, encode_election(election)
        self.fingerprint = fingerprint_of(self.record)
        # Who signs a complete record freezes the election; the transitions before stay with the administrator.
        self.phase = Phase.FROZEN

    def check(self, kind: EntryKind, body: bytes) -> Announced:
        """Return the statement in `body`, or raise `PeerError` if its signature or its time is wrong."""
        election = self.election
        if self.phase not in ALLOWED_IN[kind]:
            raise NotNowError(f"the election is {self.phase.value}: there is no {kind.name.lower()} now")
        match kind:
            case EntryKind.TRANSITION:
                return self._check_transition(open_transition(body, election, self.fingerprint, phase=self.phase))
            case EntryKind.EXCLUSION:
                return self._ours(open_statement(body, Exclusion, lambda _: self._administrator))
            case EntryKind.MIX:
                return self._check_mix(self._ours(open_statement(body, MixAnnouncement, self._mixer)))
            case EntryKind.SHARES:
                return self._check_shares(self._ours(open_statement(body, SharesAnnouncement, self._trustee)))
            case EntryKind.RESULT:
                if self.result is not None:
                    raise NotNowError("there is a result already")
                return self._ours(open_statement(body, ResultAnnouncement, lambda _: self._administrator))
            case EntryKind.ERASURE:
                if self.erasure is not None:
                    raise NotNowError("the erasure is written down already")
                authority = election.credential_authority.identity
                return self._ours(open_statement(body, ErasureStatement, lambda _: authority))
            case EntryKind.APPROVAL:
                return self._ours(open_statement(body, RecordApproval, self._author))
            case EntryKind.LISTS:
                return self._check_lists(self._ours(open_statement(body, ListCommitment, self._author)))
            case EntryKind.OBJECTION:
                return self._check_objection(self._ours(open_statement(body, TrusteeObjection, self._author)))
            case _:
                raise FormatError(f"a {kind.name.lower()} is no statement")

    def take(self, statement: Announced, body: bytes) -> None:
        """Take note of a statement that was checked, and is in the log. `body`: the statement with its signature."""
        match statement:
            case Transition():
                self.phase = statement.after
            case Exclusion():
                self.excluded[statement.entry] = statement.reason
            case MixAnnouncement():
                self.mixes[statement.poll, statement.mixer] = statement
            case SharesAnnouncement():
                self.shares[statement.poll, statement.trustee] = statement
            case ResultAnnouncement():
                self.result = statement
            case ErasureStatement():
                self.erasure = statement
            case RecordApproval():
                self.approvals[statement.trustee] = body
            case ListCommitment():
                self.lists[statement.trustee] = statement
            case TrusteeObjection():
                self.objections.append(statement)

    def _mixer(self, mix: MixAnnouncement) -> Identity:
        mixers = self.election.mixers
        if mix.mixer >= len(mixers) or mix.poll >= len(self.election.polls):
            raise FormatError(f"there is no mixer {mix.mixer} or no poll {mix.poll}")
        return mixers[mix.mixer].identity

    def _trustee(self, shares: SharesAnnouncement) -> Identity:
        trustees = self.election.trustees
        if not 1 <= shares.trustee <= len(trustees) or shares.poll >= len(self.election.polls):
            raise FormatError(f"there is no trustee {shares.trustee} or no poll {shares.poll}")
        return trustees[shares.trustee - 1].identity

    def _check_mix(self, mix: MixAnnouncement) -> MixAnnouncement:
        # A mixer whose first output was wrong may announce another one: the last counts.
        if mix.mixer and (mix.poll, mix.mixer - 1) not in self.mixes:
            raise NotNowError(f"mixer {mix.mixer - 1} has not mixed poll {mix.poll} yet")
        return mix

    def _check_shares(self, shares: SharesAnnouncement) -> SharesAnnouncement:
        if shares.trustee not in self.lists:
            raise NotNowError(f"trustee {shares.trustee} has not said yet which lists it decrypts")
        if (shares.poll, shares.trustee) in self.shares:
            raise NotNowError(f"trustee {shares.trustee} has announced shares of poll {shares.poll} already")
        return shares

    def _author(self, statement: RecordApproval | ListCommitment | TrusteeObjection) -> Identity:
        return trustee_identity(self.election, statement.trustee)

    def _check_transition(self, transition: Transition) -> Transition:
        if transition.after is Phase.OPEN and self.unsigned is not None:
            raise NotNowError(f"the election cannot open: {self.unsigned}")
        return transition

    def _check_lists(self, commitment: ListCommitment) -> ListCommitment:
        if len(commitment.lists) != len(self.election.polls):
            raise FormatError(f"{len(commitment.lists)} lists for {len(self.election.polls)} polls")
        if commitment.trustee in self.lists:
            raise NotNowError(f"trustee {commitment.trustee} has said already which lists it decrypts")
        return commitment

    def _check_objection(self, objection: TrusteeObjection) -> TrusteeObjection:
        if sum(each.trustee == objection.trustee for each in self.objections) >= MOST_OBJECTIONS:
            raise NotNowError(f"trustee {objection.trustee} has objected {MOST_OBJECTIONS} times; that is enough")
        return objection

    def _ours(self, statement: _A) -> _A:
        if statement.fingerprint != self.fingerprint:
            raise FormatError("the statement is about another election")
        return statement
