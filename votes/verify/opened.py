"""The published files as values that were checked one by one: what later checks build on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from loopixmix.errors import PeerError
from loopixmix.group.group import Buffer, Group
from votes.ballot.ballots import Ballot, BallotError, decode_ballot
from votes.ballot.challenging import audit_opening
from votes.ballot.checking import BallotCheck
from votes.ballot.form import BallotForm, form_of
from votes.ballot.weeding import StoredBallot, Weeded, weed
from votes.record.election import Election, shown_time
from votes.record.fingerprint import fingerprint_of, shown
from votes.record.heads import decode_head
from votes.record.merkle import MerkleTree
from votes.record.phases import Phase
from votes.record.rules.reading import decode_election
from votes.trustees.generation import JointKey
from votes.verify.log import ElectionLog, LogReader, split_entries
from votes.verify.published import CREDENTIALS, ENTRIES, HEAD, RECORD, PublishedElection


class LieError(PeerError):
    """Something that was published is not true."""


@dataclass(frozen=True)
class OpenedRecord:
    """The record, read and judged."""

    group: Group
    record: bytes
    election: Election
    fingerprint: bytes
    key: JointKey
    form: BallotForm

    def told(self) -> str:
        """Return what a person compares."""
        return f"{self.election.title}: {shown(self.fingerprint)}"


def open_election(published: PublishedElection, group: Group) -> OpenedRecord:
    """Read the record. Raises `PeerError` if it breaks a rule."""
    return opened_record(bytes(published.read(RECORD)), group)


def opened_record(record: bytes, group: Group) -> OpenedRecord:
    """Read a record alone. Raises `PeerError` if it breaks a rule."""
    election = decode_election(record, group)
    key = JointKey(group, group.elements(b"".join(election.key_commitments)))
    for number, trustee in enumerate(election.trustees, 1):
        if key.public_share(number).encode() != bytes(trustee.public_share):
            raise LieError(f"the public share of trustee {number} does not follow from the key's commitments")
    return OpenedRecord(group, record, election, fingerprint_of(record), key, form_of(election, group))


def open_credentials(published: PublishedElection, opened: OpenedRecord) -> list[bytes]:
    """Read the list of credentials: ordered, each once, elements, and of the record's number and root."""
    size = opened.group.element_bytes
    encodings = bytes(published.read(CREDENTIALS))
    if len(encodings) != opened.election.voters * size:
        raise LieError(f"the list has {len(encodings)} bytes, not {size} for each of {opened.election.voters} voters")
    credentials = [encodings[start : start + size] for start in range(0, len(encodings), size)]
    if any(before >= after for before, after in pairwise(credentials)):
        raise LieError("the credentials do not ascend, so that one may be there twice")
    opened.group.elements(encodings)
    tree = MerkleTree()
    for credential in credentials:
        tree.append(credential)
    if tree.root() != bytes(opened.election.credential_root):
        raise LieError("the list of credentials is not the one whose root is in the record")
    return credentials


def open_log(published: PublishedElection, opened: OpenedRecord) -> tuple[ElectionLog, MerkleTree]:
    """Read the log and its head. Returns what happened, and the tree of the entries."""
    reader, tree = LogReader(opened.election, opened.record, opened.fingerprint), MerkleTree()
    for encoded in split_entries(published.read(ENTRIES)):
        reader.take(encoded)
        tree.append(encoded)
    head = decode_head(bytes(published.read(HEAD)), opened.election.board.identity).head
    if head.fingerprint != opened.fingerprint:
        raise LieError("the head of the log is that of another election")
    if (head.size, head.root) != (len(tree), tree.root()):
        raise LieError(f"the board signed {head.size} entries, and not these {len(tree)}")
    return reader.log, tree


@dataclass(frozen=True)
class SeenBallots:
    """Ballots that a trustee checked while they came. `size`, `root`: of the log, as far as it was looked at.

    `wrong`: why a ballot is wrong, by the index of its entry; all others of these entries are right.
    """

    size: int
    root: bytes
    wrong: Mapping[int, str]

    def check(self, tree: MerkleTree) -> None:
        """Raise `LieError` unless the log of `tree` continues the one that was looked at."""
        if self.size > len(tree):
            raise LieError(f"the log has {len(tree)} entries; {self.size} were there before: the board shortened it")
        if tree.root(self.size) != self.root:
            raise LieError(f"the first {self.size} entries are others than before: the board signed two logs")


@dataclass
class BallotBox:
    """The ballots that were stored, judged."""

    weeded: Weeded
    stored: int
    invalid: dict[int, str] = field(default_factory=dict)
    """Why a stored ballot is wrong, by the index of its entry; each was excluded."""
    void: dict[int, str] = field(default_factory=dict)
    """Why the opening of a challenged ballot is wrong, by the index of its entry; it is as if it were not there."""

    @property
    def counting(self) -> Sequence[Ballot]:
        """The ballots that are mixed, in the order of the board."""
        return [each.ballot for each in self.weeded.counting]


def open_ballots(
    opened: OpenedRecord, credentials: Sequence[bytes], log: ElectionLog, seen: SeenBallots | None = None
) -> BallotBox:
    """Check every stored ballot, and tell which count.

    A wrong one that nobody excluded is a lie of the board, which checks before it stores. Exclusions are told with
    their reasons by the caller: whether a reason is good is for people to judge. An opening that does not fit its
    ballot challenges nothing.
    `seen`: ballots of this log whose proofs were checked before.
    """
    listed = frozenset(credentials)
    check = BallotCheck(opened.form, is_listed=listed.__contains__)
    excluded = {exclusion.entry for _, exclusion in log.exclusions}
    before = [] if seen is None else list(_seen(opened.form, log, seen))
    results = before + check.check_many([entry.body for _, entry in log.ballots[len(before) :]])
    stored, invalid = [], {}
    for (index, entry), result in zip(log.ballots, results, strict=True):
        if not opened.election.opens_at <= entry.at_s < opened.election.closes_at:
            raise LieError(f"entry {index}: a ballot was stored at {entry.at_s}, when the election was not open")
        if isinstance(result, Ballot):
            stored.append(StoredBallot(index, result))
        elif index in excluded:
            invalid[index] = str(result)
        else:
            raise LieError(f"entry {index}: {result}; it was stored, and not excluded")
    challenged, void = set(), {}
    for index, body in log.challenges:
        try:
            challenged.add(audit_opening(check, body).ballot.digest)
        except PeerError as error:
            void[index] = str(error)
    return BallotBox(weed(stored, excluded=excluded, challenged=challenged), len(log.ballots), invalid, void)


def _seen(form: BallotForm, log: ElectionLog, seen: SeenBallots) -> Iterator[Ballot | BallotError]:
    for index, entry in log.ballots:
        if index >= seen.size:
            return
        if index in seen.wrong:
            yield BallotError(seen.wrong[index])
        else:
            yield decode_ballot(form, entry.body)


def erasure_faults(election: Election, log: ElectionLog, now_s: float | None) -> Iterator[str]:
    """Tell whether the credential authority erased who has which credential by the date of the record.

    `now_s`: Unix seconds; None if it is not known, and then a missing erasure is not told.
    """
    due = f"it was due by {shown_time(election.codes_erased_by)}"
    if log.erasure is not None:
        # The board's time as well: the authority could write any into its statement.
        at_s = max(log.erasure.at_s, log.erased_at_s)
        if at_s > election.codes_erased_by:
            yield f"who has which credential was erased {at_s - election.codes_erased_by:,} s late; {due}"
    elif now_s is not None and now_s > election.codes_erased_by:
        name = election.credential_authority.name
        yield f"the credential authority ({name}) has not said that it erased who has which credential; {due}"


def file_digest(content: Buffer) -> bytes:
    """Return what stands for a file in announcements: SHA-512."""
    return hashlib.sha512(content).digest()


def announced(content: Buffer, digest: bytes, name: str) -> None:
    """Raise `LieError` unless `content` is the file that was announced on the board."""
    if file_digest(content) != digest:
        raise LieError(f"{name} is not the file that was announced on the board")


def check_phase(log: ElectionLog, least: Phase) -> None:
    """Raise `LieError` unless the election has come to this phase, or further."""
    order = list(Phase)
    if log.phase is Phase.ABANDONED:
        raise LieError(f"the election was abandoned: {log.transitions[-1][1].reason}")
    if order.index(log.phase) < order.index(least):
        raise LieError(f"the election is {log.phase.value}, and not yet {least.value}")
