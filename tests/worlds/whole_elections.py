"""Whole elections for tests, from the record to the shares, as the files that are published."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from copy import copy

from loopixmix.group.group import Buffer
from tests.worlds.elections import CHOOSE, CLOSES_AT, OPENS_AT, YES_NO
from tests.worlds.voters import Voters
from votes.ballot.checking import BallotCheck
from votes.ballot.choices import BlankVote, Choice, ChosenOptions, YesOrNo
from votes.ballot.ciphertexts import decode_ciphertexts
from votes.ballot.weeding import StoredBallot, mix_inputs, weed
from votes.record.canonical import Hex
from votes.record.entries import Entry, EntryKind, decode_entry, sign_record
from votes.record.heads import LogHead
from votes.record.merkle import MerkleTree
from votes.record.phases import Phase, Transition
from votes.record.signing import PartyKey
from votes.record.statements import Exclusion, MixAnnouncement, SharesAnnouncement, Statement, sign_statement
from votes.record.trustees import ListCommitment
from votes.shuffle.generators import DerivedGenerators
from votes.shuffle.proving import shuffle
from votes.shuffle.statement import ShuffleStatement
from votes.trustees.decryption import DecryptionStatement, decrypt_partially
from votes.trustees.generation import JointKey, KeyShare
from votes.trustees.guard import list_digest
from votes.trustees.polynomial import Polynomial
from votes.verify.published import CREDENTIALS, ENTRIES, HEAD, RECORD, MissingFileError, mix_files, shares_file

CHOICES: Sequence[Sequence[Choice]] = (
    (ChosenOptions(frozenset({0})), YesOrNo(True)),
    (ChosenOptions(frozenset({0, 2})), YesOrNo(False)),
    (BlankVote(), YesOrNo(True)),
    (ChosenOptions(frozenset({1})), YesOrNo(True)),
)


class FilesInMemory:
    """A published election in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def read(self, name: str) -> Buffer:
        if name not in self.files:
            raise MissingFileError(f"{name} is missing")
        return self.files[name]

    def has(self, name: str) -> bool:
        return name in self.files


class WholeElection:
    """An election of four voters, who all vote; the steps are taken one by one, so that a test can cheat in between."""

    def __init__(self, *, seed: int = 3, counts_only: bool = False) -> None:
        self.voters = Voters(count=len(CHOICES), polls=(CHOOSE, YES_NO), seed=seed, counts_only=counts_only)
        self.world = self.voters.world
        self.group = self.voters.group
        self.published = FilesInMemory()
        self.entries: list[bytes] = []
        self.excluded: set[int] = set()
        self.bound: set[int] = set()
        self.published.files[RECORD] = self.world.record
        self.published.files[CREDENTIALS] = b"".join(self.voters.credentials)
        self.append(EntryKind.RECORD, sign_record(self.world.record, self.world.keys.administrator), OPENS_AT - 10)

    def sign(self, trustees: Sequence[int] = (1, 2, 3)) -> None:
        """Let trustees sign the record."""
        for number in trustees:
            self.append(EntryKind.APPROVAL, self.world.approvals()[number - 1], OPENS_AT - 5)

    def open(self) -> None:
        """Let all trustees sign, and the board open the election."""
        self.sign()
        self.go_on(Phase.FROZEN, Phase.OPEN, OPENS_AT, self.world.keys.board)

    def copy(self) -> WholeElection:
        """Return the same election with entries and files of its own."""
        other = copy(self)
        other.entries, other.excluded, other.bound = list(self.entries), set(self.excluded), set(self.bound)
        other.published = FilesInMemory()
        other.published.files = dict(self.published.files)
        return other

    @property
    def key(self) -> JointKey:
        return JointKey(self.group, self.group.elements(b"".join(self.world.election.key_commitments)))

    def append(self, kind: EntryKind, body: bytes, at_s: int) -> int:
        """Write an entry, and return its index."""
        self.entries.append(Entry(kind, at_s, body).encode())
        return len(self.entries) - 1

    def go_on(self, before: Phase, after: Phase, at_s: int, by: PartyKey | None = None) -> None:
        """Write a transition."""
        statement = Transition(
            fingerprint=Hex(self.world.fingerprint), before=before, after=after, at_s=at_s, reason=""
        )
        self.say(EntryKind.TRANSITION, statement, by or self.world.keys.administrator, at_s)

    def say(self, kind: EntryKind, statement: Statement, by: PartyKey, at_s: int = CLOSES_AT) -> None:
        """Write a signed statement."""
        self.append(kind, sign_statement(statement, by), at_s)

    def vote(self) -> None:
        """Open, take all ballots, close."""
        self.open()
        for number, choices in enumerate(CHOICES):
            self.append(EntryKind.BALLOT, self.voters.cast(number, choices), OPENS_AT + number)
        self.close()

    def close(self) -> None:
        """Close."""
        self.go_on(Phase.OPEN, Phase.CLOSED, CLOSES_AT, self.world.keys.board)

    def exclude(self, entry: int, reason: str = "sold") -> None:
        """Exclude a ballot."""
        self.excluded.add(entry)
        statement = Exclusion(fingerprint=Hex(self.world.fingerprint), entry=entry, reason=reason)
        self.say(EntryKind.EXCLUSION, statement, self.world.keys.administrator)

    def inputs(self) -> list[bytes]:
        """Return what the first mixer gets, poll by poll."""
        stored = []
        check = BallotCheck(self.voters.form, is_listed=lambda _: False)
        for index, entry in enumerate(map(decode_entry, self.entries)):
            if entry.kind is EntryKind.BALLOT:
                stored.append(StoredBallot(index, check.check(entry.body)))
        weeded = weed(stored, excluded=self.excluded, challenged=set())
        rows = mix_inputs(self.voters.form, [each.ballot for each in weeded.counting])
        return [each.encode() for each in rows]

    def mix(self) -> None:
        """Let both mixers shuffle both polls."""
        for poll, rows in enumerate(self.inputs()):
            for mixer in range(2):
                rows = self.mix_one(poll, mixer, rows)
        self.go_on(Phase.CLOSED, Phase.MIXED, CLOSES_AT)

    def mix_one(self, poll: int, mixer: int, rows: bytes) -> bytes:
        """Let one mixer shuffle one poll."""
        size = len(rows) // (2 * self.group.element_bytes)
        statement = ShuffleStatement(self.group, self.world.fingerprint, poll, mixer, self.key.public_key, 1, size)
        generators = DerivedGenerators(self.group, self.world.fingerprint, size)
        shuffled = shuffle(statement, rows, generators, self.voters.rng)
        self.announce_mix(poll, mixer, bytes(shuffled.output), bytes(shuffled.proof))
        return bytes(shuffled.output)

    def announce_mix(self, poll: int, mixer: int, output: bytes, proof: bytes) -> None:
        """Publish a mixer's files, and announce them."""
        names = mix_files(self.world.election.polls[poll].id, mixer)
        self.published.files.update(zip(names, (output, proof), strict=True))
        digests = {
            "output": Hex(hashlib.sha512(output).digest()),
            "proof": Hex(hashlib.sha512(proof).digest()),
        }
        statement = MixAnnouncement(fingerprint=Hex(self.world.fingerprint), poll=poll, mixer=mixer, **digests)
        self.say(EntryKind.MIX, statement, self.world.keys.mixers[mixer])

    def bind(self, number: int) -> None:
        """Let a trustee say which lists it decrypts, unless it has said so."""
        if number not in self.bound:
            lists = tuple(Hex(list_digest(self.decryption(poll))) for poll in range(2))
            commitment = ListCommitment(fingerprint=Hex(self.world.fingerprint), trustee=number, lists=lists)
            self.say(EntryKind.LISTS, commitment, self.world.keys.trustees[number - 1])
            self.bound.add(number)

    def decrypt(self, trustees: Sequence[int] = (1, 3)) -> None:
        """Let trustees decrypt both polls."""
        for poll in range(2):
            for number in trustees:
                self.announce_share(poll, number, self.share(poll, number))
        self.go_on(Phase.MIXED, Phase.DECRYPTED, CLOSES_AT)

    def share(self, poll: int, number: int) -> bytes:
        """Return a trustee's share of a poll."""
        statement = self.decryption(poll)
        secret = Polynomial(self.group, self.world.coefficients).at([number])
        return decrypt_partially(statement, KeyShare(number, secret), self.voters.rng).encode()

    def decryption(self, poll: int) -> DecryptionStatement:
        """Return what is decrypted in a poll."""
        output, _ = mix_files(self.world.election.polls[poll].id, 1)
        ciphertexts = decode_ciphertexts(self.group, self.published.files[output], 1)
        return DecryptionStatement(self.group, self.world.fingerprint, poll, ciphertexts, self.key)

    def announce_share(self, poll: int, number: int, share: bytes) -> None:
        """Publish a trustee's share, and announce it."""
        self.bind(number)
        self.published.files[shares_file(self.world.election.polls[poll].id, number)] = share
        statement = SharesAnnouncement(
            fingerprint=Hex(self.world.fingerprint),
            poll=poll,
            trustee=number,
            shares=Hex(hashlib.sha512(share).digest()),
        )
        self.say(EntryKind.SHARES, statement, self.world.keys.trustees[number - 1])

    def publish(self) -> FilesInMemory:
        """Write log and head, and return all files."""
        tree = MerkleTree()
        for entry in self.entries:
            tree.append(entry)
        head = LogHead(self.world.fingerprint, len(tree), tree.root(), CLOSES_AT + 10).sign(self.world.keys.board)
        self.published.files[ENTRIES] = b"".join(self.entries)
        self.published.files[HEAD] = head.encode()
        return self.published
