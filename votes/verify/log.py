"""The log of the board, read from its first entry to its last (docs/protocol/votes.md, 7)."""

from __future__ import annotations

import hashlib
import struct
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from loopixmix.errors import FormatError, PeerError, SignatureError
from loopixmix.group.group import Buffer
from votes.record.election import Election
from votes.record.entries import MOST_BODY_BYTES, Entry, EntryKind, decode_entry, open_record
from votes.record.phases import ALLOWED_IN, Phase, Transition, open_transition
from votes.record.signing import SIGNATURE_BYTES
from votes.record.statements import (
    ErasureStatement,
    Exclusion,
    MixAnnouncement,
    ResultAnnouncement,
    SharesAnnouncement,
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

_HEAD = struct.Struct(">BQI")
LONGEST_BODY = max(MOST_BODY_BYTES.values())


class LogError(PeerError):
    """An entry of the log does not belong there. `index` tells which, from 0."""

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(f"entry {index}: {problem}")
        self.index = index


@dataclass
class ElectionLog:
    """What happened in an election, by kind; each with the index of its entry."""

    phase: Phase = Phase.FROZEN
    transitions: list[tuple[int, Transition]] = field(default_factory=list)
    approvals: dict[int, RecordApproval] = field(default_factory=dict)
    """By trustee, from 1."""
    ballots: list[tuple[int, Entry]] = field(default_factory=list)
    challenges: list[tuple[int, bytes]] = field(default_factory=list)
    exclusions: list[tuple[int, Exclusion]] = field(default_factory=list)
    mixes: dict[tuple[int, int], MixAnnouncement] = field(default_factory=dict)
    """By poll and mixer, both from 0."""
    lists: dict[int, ListCommitment] = field(default_factory=dict)
    """By trustee, from 1."""
    shares: dict[tuple[int, int], SharesAnnouncement] = field(default_factory=dict)
    """By poll, from 0, and trustee, from 1."""
    objections: list[tuple[int, TrusteeObjection]] = field(default_factory=list)
    result: ResultAnnouncement | None = None
    erasure: ErasureStatement | None = None
    erased_at_s: int = 0
    """When the board wrote the erasure down."""


def split_entries(entries: Buffer) -> Iterator[bytes]:
    """Yield the entries that stand one after another. Raises `FormatError` if the last is cut short."""
    view, at = memoryview(entries), 0
    while at < len(view):
        if len(view) - at < _HEAD.size:
            raise FormatError(f"{len(view) - at} bytes follow the last entry")
        end = at + _HEAD.size + _HEAD.unpack_from(view, at)[2]
        if end > len(view):
            raise FormatError(f"the last entry is cut short: {end - len(view)} bytes are missing")
        yield bytes(view[at:end])
        at = end


def whole_entries(data: Buffer, most: int | None = None) -> tuple[list[bytes], int]:
    """Return the entries that are whole, at most so many, and how many bytes they take; the rest is still to come.

    Raises `FormatError` for an entry that is longer than any may be: nobody waits for its end.
    """
    view, at = memoryview(data), 0
    found: list[bytes] = []
    while len(view) - at >= _HEAD.size and (most is None or len(found) < most):
        length = _HEAD.unpack_from(view, at)[2]
        if length > LONGEST_BODY:
            raise FormatError(f"an entry has {length} bytes; at most {LONGEST_BODY} are allowed")
        end = at + _HEAD.size + length
        if end > len(view):
            break
        found.append(bytes(view[at:end]))
        at = end
    return found, at


class LogReader:
    """Takes entries in their order, and refuses the first that does not belong there."""

    def __init__(self, election: Election, record: bytes, fingerprint: bytes) -> None:
        self._election = election
        self._record = record
        self._fingerprint = fingerprint
        self._size = 0
        self._at_s = 0
        self._statements: set[bytes] = set()
        # In ascending order, so that an exclusion finds its ballot by bisection.
        self._ballots = array("Q")
        self._later: Mapping[EntryKind, Callable[[int, Entry], None]] = {
            EntryKind.TRANSITION: self._transition,
            EntryKind.BALLOT: self._ballot,
            EntryKind.CHALLENGE: lambda index, entry: self.log.challenges.append((index, entry.body)),
            EntryKind.EXCLUSION: self._exclusion,
            EntryKind.MIX: self._mix,
            EntryKind.SHARES: self._shares,
            EntryKind.RESULT: self._result,
            EntryKind.ERASURE: self._erasure,
            EntryKind.APPROVAL: self._approval,
            EntryKind.LISTS: self._lists,
            EntryKind.OBJECTION: self._objection,
        }
        self.log = ElectionLog()

    @property
    def size(self) -> int:
        """How many entries were read."""
        return self._size

    def take(self, encoded: bytes) -> None:
        """Read the next entry. Raises `LogError`."""
        index = self._size
        try:
            entry = decode_entry(encoded)
            self._check_time(entry)
            if index == 0:
                self._first(entry)
            else:
                self._check_phase(entry)
                self._later[entry.kind](index, entry)
        except LogError:
            raise
        except PeerError as error:
            raise LogError(index, str(error)) from error
        self._size += 1
        self._at_s = entry.at_s

    def _check_time(self, entry: Entry) -> None:
        if entry.at_s < self._at_s:
            raise FormatError(f"its time, {entry.at_s}, is before that of the entry before, {self._at_s}")

    def _first(self, entry: Entry) -> None:
        if entry.kind is not EntryKind.RECORD:
            raise FormatError("the first entry is not the record")
        if open_record(entry.body, self._election.administrator.identity) != self._record:
            raise FormatError("the record in the log is another one")

    def _check_phase(self, entry: Entry) -> None:
        if entry.kind is EntryKind.RECORD:
            raise FormatError("there is a second record")
        if self.log.phase not in ALLOWED_IN[entry.kind]:
            raise FormatError(f"{entry.kind.name.lower()} in the phase {self.log.phase.value}")
        if entry.kind not in (EntryKind.BALLOT, EntryKind.CHALLENGE):
            self._check_new(entry)

    def _check_new(self, entry: Entry) -> None:
        # Anybody could take an older mix from the log, which would then be the last one and count.
        statement = bytes([entry.kind]) + hashlib.sha256(entry.body[SIGNATURE_BYTES:]).digest()
        if statement in self._statements:
            raise FormatError(f"the same {entry.kind.name.lower()} is there twice")
        self._statements.add(statement)

    def _transition(self, index: int, entry: Entry) -> None:
        transition = open_transition(entry.body, self._election, self._fingerprint, phase=self.log.phase)
        unsigned = unsigned_by(self._election, self.log.approvals)
        if transition.after is Phase.OPEN and unsigned is not None:
            raise FormatError(f"the board opened the election, but {unsigned}")
        self.log.phase = transition.after
        self.log.transitions.append((index, transition))

    def _ballot(self, index: int, entry: Entry) -> None:
        self._ballots.append(index)
        self.log.ballots.append((index, entry))

    def _exclusion(self, index: int, entry: Entry) -> None:
        exclusion = open_statement(entry.body, Exclusion, lambda _: self._election.administrator.identity)
        self._check_election(exclusion.fingerprint)
        place = bisect_left(self._ballots, exclusion.entry)
        if place == len(self._ballots) or self._ballots[place] != exclusion.entry:
            raise FormatError(f"it excludes entry {exclusion.entry}, which is no ballot before it")
        self.log.exclusions.append((index, exclusion))

    def _mix(self, _: int, entry: Entry) -> None:
        mixers = self._election.mixers

        def signer(mix: MixAnnouncement) -> bytes:
            if mix.mixer >= len(mixers) or mix.poll >= len(self._election.polls):
                raise FormatError(f"there is no mixer {mix.mixer} or no poll {mix.poll}")
            return mixers[mix.mixer].identity

        mix = open_statement(entry.body, MixAnnouncement, signer)
        self._check_election(mix.fingerprint)
        if mix.mixer and (mix.poll, mix.mixer - 1) not in self.log.mixes:
            raise FormatError(f"mixer {mix.mixer - 1} has not mixed poll {mix.poll} yet")
        # A mixer whose first output was wrong may put out another one: the last counts.
        self.log.mixes[mix.poll, mix.mixer] = mix

    def _shares(self, _: int, entry: Entry) -> None:
        trustees = self._election.trustees

        def signer(shares: SharesAnnouncement) -> bytes:
            if not 1 <= shares.trustee <= len(trustees) or shares.poll >= len(self._election.polls):
                raise FormatError(f"there is no trustee {shares.trustee} or no poll {shares.poll}")
            return trustees[shares.trustee - 1].identity

        shares = open_statement(entry.body, SharesAnnouncement, signer)
        self._check_election(shares.fingerprint)
        if shares.trustee not in self.log.lists:
            raise FormatError(f"trustee {shares.trustee} announces a share before it bound itself to its lists")
        if (shares.poll, shares.trustee) in self.log.shares:
            raise FormatError(f"trustee {shares.trustee} announces a second share of poll {shares.poll}")
        self.log.shares[shares.poll, shares.trustee] = shares

    def _result(self, _: int, entry: Entry) -> None:
        result = open_statement(entry.body, ResultAnnouncement, lambda _: self._election.administrator.identity)
        self._check_election(result.fingerprint)
        if self.log.result is not None:
            raise FormatError("there is a second result")
        self.log.result = result

    def _approval(self, _: int, entry: Entry) -> None:
        try:
            approval = open_statement(entry.body, RecordApproval, self._trustee)
        except SignatureError as error:
            raise SignatureError(f"it is no trustee's signature under the record: {error}") from error
        self._check_election(approval.fingerprint)
        # The same statement twice was refused already, so this one is the first of its trustee.
        self.log.approvals[approval.trustee] = approval

    def _lists(self, _: int, entry: Entry) -> None:
        commitment = open_statement(entry.body, ListCommitment, self._trustee)
        self._check_election(commitment.fingerprint)
        if len(commitment.lists) != len(self._election.polls):
            raise FormatError(f"it names {len(commitment.lists)} lists; there are {len(self._election.polls)} polls")
        if commitment.trustee in self.log.lists:
            raise FormatError(f"trustee {commitment.trustee} binds itself to lists a second time")
        self.log.lists[commitment.trustee] = commitment

    def _objection(self, index: int, entry: Entry) -> None:
        objection = open_statement(entry.body, TrusteeObjection, self._trustee)
        self._check_election(objection.fingerprint)
        if sum(each.trustee == objection.trustee for _, each in self.log.objections) >= MOST_OBJECTIONS:
            raise FormatError(f"trustee {objection.trustee} objects more than {MOST_OBJECTIONS} times")
        self.log.objections.append((index, objection))

    def _trustee(self, statement: RecordApproval | ListCommitment | TrusteeObjection) -> bytes:
        return trustee_identity(self._election, statement.trustee)

    def _erasure(self, _: int, entry: Entry) -> None:
        authority = self._election.credential_authority.identity
        erasure = open_statement(entry.body, ErasureStatement, lambda _: authority)
        self._check_election(erasure.fingerprint)
        if self.log.erasure is not None:
            raise FormatError("there is a second erasure")
        self.log.erasure, self.log.erased_at_s = erasure, entry.at_s

    def _check_election(self, fingerprint: bytes) -> None:
        if fingerprint != self._fingerprint:
            raise FormatError("it is about another election")
