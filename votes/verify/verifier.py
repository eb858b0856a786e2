"""The verifier: one check after another, each on what those before it found true (docs/protocol/votes.md, 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from loopixmix.errors import LoopixmixError
from loopixmix.group.group import Buffer, Elements, Group
from loopixmix.verdict import Check
from votes.ballot.ciphertexts import Ciphertexts, decode_ciphertexts
from votes.ballot.weeding import mix_inputs
from votes.record.merkle import MerkleTree
from votes.record.phases import Phase
from votes.shuffle.chunks import WorkProgress
from votes.shuffle.generators import DerivedGenerators, GeneratorSource
from votes.shuffle.statement import ShuffleStatement
from votes.shuffle.tasks import Elsewhere
from votes.shuffle.verifying import verify_shuffle
from votes.trustees.approving import hidden_by_nothing
from votes.trustees.decryption import DecryptionStatement, checked_partials, combine
from votes.trustees.guard import list_digest
from votes.verify.log import ElectionLog
from votes.verify.opened import (
    BallotBox,
    LieError,
    OpenedRecord,
    SeenBallots,
    announced,
    check_phase,
    erasure_faults,
    open_ballots,
    open_credentials,
    open_election,
    open_log,
)
from votes.verify.published import PublishedElection, mix_files, shares_file

EXPECTED = {
    "record": "all rules hold",
    "credentials": "the list of the record",
    "log": "each entry in its phase, signed; the head fits",
    "ballots": "each right, or excluded in public",
    "mixes": "each output is a shuffle of its input",
    "shares": "enough trustees decrypted, with proofs",
    "result": "counted anew, the same comes out",
}
"""The checks, in their order, and what passes."""


@dataclass
class Verification:
    """What is known to be true so far."""

    published: PublishedElection
    group: Group
    progress: WorkProgress
    opened: OpenedRecord | None = None
    credentials: list[bytes] = field(default_factory=list)
    log: ElectionLog = field(default_factory=ElectionLog)
    tree: MerkleTree = field(default_factory=MerkleTree)
    seen: SeenBallots | None = None
    """Ballots that this party checked while they came."""
    box: BallotBox | None = None
    mixed: list[Ciphertexts] = field(default_factory=list)
    """The last output of each poll."""
    plaintexts: list[tuple[Elements, ...]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """What is worth telling, and does not make the result wrong: exclusions, doubled counters, bad trustees."""
    now_s: float | None = None
    """Unix seconds, to tell what is overdue; without it that is not told."""
    elsewhere: Elsewhere | None = None
    """Machines that check shuffles, and are believed."""
    generators: GeneratorSource | None = None
    """Generators that this party derived before. Without them they are derived when they are needed."""

    def record(self) -> str:
        """Check the record."""
        self.opened = open_election(self.published, self.group)
        self.faults += hidden_by_nothing(self.opened.election)
        return self.opened.told()

    def list_of_credentials(self) -> str:
        """Check the credentials."""
        self.credentials = open_credentials(self.published, self.known)
        return f"{len(self.credentials):,} voters"

    def entries(self) -> str:
        """Check the log."""
        self.log, self.tree = open_log(self.published, self.known)
        self.faults += [f"entry {each.entry} was excluded: {each.reason}" for _, each in self.log.exclusions]
        self.faults += [
            f"trustee {each.trustee} ({self._trustee(each.trustee)}) objects: {each.reason}"
            for _, each in self.log.objections
        ]
        self.faults += erasure_faults(self.known.election, self.log, self.now_s)
        if self.seen is not None:
            self.seen.check(self.tree)
        return f"{len(self.tree):,} entries, {self.log.phase.value}"

    def ballots(self) -> str:
        """Check the ballots."""
        self.progress.step("checking ballots", max(1, len(self.log.ballots)))
        check_phase(self.log, Phase.CLOSED)
        self.box = box = open_ballots(self.known, self.credentials, self.log, self.seen)
        self.faults += [
            f"entry {index}: the opening of a challenged ballot is wrong, and challenges nothing: {reason}"
            for index, reason in box.void.items()
        ]
        self.faults += [
            f"entries {', '.join(map(str, fault.entries))}: different ballots with one counter, {fault.counter}"
            for fault in box.weeded.faults
        ]
        return f"{len(box.weeded.counting):,} count of {box.stored:,}"

    def mixes(self) -> str:
        """Check the shuffles of all polls."""
        check_phase(self.log, Phase.MIXED)
        known, rows = self.known, len(self.ballot_box.counting)
        mixers = len(known.election.mixers)
        if rows == 1:
            self.faults.append("only one ballot counts: mixing does not hide whose it is")
        widths = [coding.width for coding in known.form.codings]
        self.mixed = [
            decode_ciphertexts(self.group, encoded, width)
            for encoded, width in zip(self.chain(mixers), widths, strict=True)
        ]
        return f"{mixers} mixers, {len(known.election.polls)} polls, {rows:,} rows"

    def chain(self, until: int) -> Iterator[Buffer]:
        """Yield, poll by poll, what mixer `until` gets: the ballots, or the output of the mixer before, checked."""
        known, ballots = self.known, self.ballot_box.counting
        generators = self.generators
        if generators is None:
            generators = DerivedGenerators(self.group, known.fingerprint, len(ballots) if until else 0)
        for poll, rows in enumerate(mix_inputs(known.form, ballots)):
            encoded: Buffer = rows.encode()
            for mixer in range(until):
                encoded = self._mix(poll, mixer, rows, encoded, generators)
            yield encoded

    def shares(self) -> str:
        """Check the decryptions of all polls."""
        known = self.known
        if known.election.counts_only and not self._has_shares():
            self.faults.append("the administrator publishes counts only: decryption and tally cannot be verified")
            return "not published"
        check_phase(self.log, Phase.DECRYPTED)
        self.faults += self._bound_elsewhere()
        self.plaintexts = [self._decrypted(poll) for poll in range(len(self.mixed))]
        return f"{known.election.threshold} of {len(known.election.trustees)} trustees"

    @property
    def known(self) -> OpenedRecord:
        """The record, which was found true. Raises `LieError` before it was."""
        if self.opened is None:
            raise LieError("there is no record")
        return self.opened

    @property
    def ballot_box(self) -> BallotBox:
        """The ballots, which were found true. Raises `LieError` before they were."""
        if self.box is None:
            raise LieError("there are no ballots")
        return self.box

    def _mix(self, poll: int, mixer: int, rows: Ciphertexts, before: Buffer, generators: GeneratorSource) -> Buffer:
        known = self.known
        name = known.election.mixers[mixer].name
        announcement = self.log.mixes.get((poll, mixer))
        if announcement is None:
            raise LieError(f"mixer {mixer} ({name}) announced no output for poll {poll}")
        output_name, proof_name = mix_files(known.election.polls[poll].id, mixer)
        output, proof = self.published.read(output_name), self.published.read(proof_name)
        announced(output, bytes(announcement.output), output_name)
        announced(proof, bytes(announcement.proof), proof_name)
        statement = ShuffleStatement(
            self.group, known.fingerprint, poll, mixer, known.key.public_key, rows.width, len(rows)
        )
        try:
            verify_shuffle(
                statement, before, output, proof, generators, progress=self.progress, elsewhere=self.elsewhere
            )
        except LoopixmixError as error:
            raise LieError(f"mixer {mixer} ({name}), poll {poll}: {error}") from error
        return output

    def decryption(self, poll: int) -> DecryptionStatement:
        """Return what is decrypted in a poll: the output of its last mixer, which was checked."""
        known = self.known
        return DecryptionStatement(self.group, known.fingerprint, poll, self.mixed[poll], known.key)

    def _bound_elsewhere(self) -> Iterator[str]:
        """Tell which trustees said that they decrypt other lists than these."""
        lists = [list_digest(self.decryption(poll)) for poll in range(len(self.mixed))]
        for number, commitment in sorted(self.log.lists.items()):
            if [bytes(each) for each in commitment.lists] != lists:
                name = self._trustee(number)
                yield f"trustee {number} ({name}) bound itself to other lists than those of the last mixer"

    def _trustee(self, number: int) -> str:
        return self.known.election.trustees[number - 1].name

    def _has_shares(self) -> bool:
        return all(
            self.published.has(shares_file(self.known.election.polls[poll].id, trustee))
            for poll, trustee in self.log.shares
        )

    def _decrypted(self, poll: int) -> tuple[Elements, ...]:
        known = self.known
        encoded = {}
        for number in range(1, len(known.election.trustees) + 1):
            announcement = self.log.shares.get((poll, number))
            if announcement is not None:
                name = shares_file(known.election.polls[poll].id, number)
                encoded[number] = self.published.read(name)
                announced(encoded[number], bytes(announcement.shares), name)
        statement = self.decryption(poll)
        good, bad = checked_partials(statement, encoded)
        self.faults += [f"poll {poll}: {error}" for error in bad.values()]
        if len(good) < known.election.threshold:
            raise LieError(f"poll {poll}: {len(good)} of {known.election.threshold} trustees decrypted rightly")
        return combine(statement, good)


def verify(verification: Verification, count: Callable[[Verification], str]) -> Iterator[Check]:
    """Yield each check as it is done; the first that fails is the last.

    `count` counts the decrypted votes anew, and raises `LieError` if the published result is another one.
    """
    steps: dict[str, Callable[[], str]] = {
        "record": verification.record,
        "credentials": verification.list_of_credentials,
        "log": verification.entries,
        "ballots": verification.ballots,
        "mixes": verification.mixes,
        "shares": verification.shares,
        "result": lambda: count(verification),
    }
    for name, expected in EXPECTED.items():
        try:
            value = steps[name]()
        except LoopixmixError as error:
            yield Check(name=name, passed=False, value=None, expected=expected, detail=str(error))
            return
        yield Check(name=name, passed=True, value=value, expected=expected)
