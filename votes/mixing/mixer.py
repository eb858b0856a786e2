"""A mixer's work on one poll: prepare, shuffle, prove; each can be killed and called again.

What comes to the disk, and in which order, is told in `votes/mixing/home.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from loopixmix.errors import MisuseError
from loopixmix.process.files import DirectoryLock
from loopixmix.seams import Rng
from votes.mixing.home import MixHome, MixPlan
from votes.mixing.preparing import KeptPreparations
from votes.mixing.sealing import SealedFiles
from votes.record.transcript import Transcript
from votes.shuffle.chunks import MOST_ROWS, WorkProgress, chunks, even_rows
from votes.shuffle.draws import Draws
from votes.shuffle.generators import GeneratorSource
from votes.shuffle.preparation import ChunkPreparing
from votes.shuffle.proving import Prover
from votes.shuffle.statement import ShuffleStatement, list_digests
from votes.shuffle.tasks import Elsewhere


@dataclass(frozen=True)
class ProvenMix:
    """What a mixer publishes: the files with its output and the proof, of so many rows."""

    output: Path
    proof: Path
    size: int


class BallotMixer:
    """Prepares before the election closes, and shuffles and proves afterwards."""

    def __init__(
        self,
        directory: Path,
        statement: ShuffleStatement,
        generators: GeneratorSource,
        *,
        rng: Rng,
        progress: WorkProgress,
        chunk_rows: int = MOST_ROWS,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """`directory`: of this mixer for this poll, made if it is not there. It holds secrets, and has no backup.

        `statement`: with as many rows as there are voters. `generators`: as many, at least. `chunk_rows`: how many rows
        are worked on at once, at most. `elsewhere`: machines that may see all that is drawn, see `ClusterWork`.
        """
        self._statement = statement
        self._generators = generators
        self._rng = rng
        self._progress = progress
        self._elsewhere = elsewhere
        self._home = MixHome(directory, rng, progress)
        self._wanted = MixPlan(_about(statement), statement.size, even_rows(statement.size, chunk_rows))

    def prepare(self) -> None:
        """Compute all that needs no list of ballots, if that was not done before.

        Raises `LockedError` if another process works in the directory, `MisuseError` if the directory belongs to
        another mix, `StoreError` if it cannot be written.
        """
        with DirectoryLock(self._home.lock):
            plan = self._home.plan(self._wanted)
            if not self._home.is_done_for_some_input():
                self._preparations(plan, self._draws(self._home.seed())).prepare(self._progress)

    def shuffle(self, before: bytes) -> ProvenMix:
        """Return output and proof for an input of `2 * width` encoded columns, and erase all that was drawn.

        Called again with the same input, also after a kill, it gives the same files. Another input is shuffled with
        randomness of its own. Raises what `prepare` raises, `MisuseError` if the input has more rows than there are
        voters, `ShuffleError` if it has no whole rows, `BadElementError` for what is no element.
        """
        size = len(before) // (2 * self._statement.width * self._statement.group.element_bytes)
        if size > self._statement.size:
            raise MisuseError(f"the input has {size} rows, but there are {self._statement.size} voters")
        statement = replace(self._statement, size=size)
        statement.check_length("input", before)
        with DirectoryLock(self._home.lock):
            plan = self._home.plan(self._wanted)
            digest = Transcript("mix-input", size, *list_digests(statement, before)).seed()
            if not self._home.is_done(digest):
                self._home.forget_result()
                self._prove(plan, statement, before, digest)
            self._home.erase()
        return ProvenMix(self._home.output, self._home.proof, size)

    def _prove(self, plan: MixPlan, statement: ShuffleStatement, before: bytes, digest: bytes) -> None:
        draws = self._draws(self._home.bind(digest))
        prover = Prover(
            statement,
            draws,
            self._preparations(plan, draws),
            chunk_rows=plan.chunk_rows,
            parts=SealedFiles(self._home.parts, draws.key("parts"), self._rng),
            progress=self._progress,
            elsewhere=self._elsewhere,
        )
        self._home.finish(digest, prover.prove(before))

    def _draws(self, seed: bytes) -> Draws:
        return Draws(self._statement.group, seed, self._statement.width)

    def _preparations(self, plan: MixPlan, draws: Draws) -> KeptPreparations:
        all_rows = chunks(plan.rows, plan.chunk_rows)
        preparing = ChunkPreparing(self._statement.public_key, self._generators, draws, all_rows)
        files = SealedFiles(self._home.prepared, draws.key("prepared"), self._rng)
        return KeptPreparations(self._statement.group, self._statement.width, all_rows, preparing, files)


def _about(statement: ShuffleStatement) -> str:
    """Return a digest of what a mix is for, whatever the number of ballots."""
    whose = (statement.fingerprint, statement.group.name, statement.poll, statement.mixer)
    return Transcript("mix-plan", *whose, statement.public_key.encode(), statement.width).seed().hex()
