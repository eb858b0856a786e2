"""Shuffles on files, as mixers and auditors make and check them, beside published figures for two processors.

Each stage has a process of its own, as in an election, which also tells how much memory it took. The published figures
are those of a Bayer-Groth shuffle for Stadium, shuffling included (grnet/bg-mixnet, README, on 2 CPUs).
"""

from __future__ import annotations

import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import OUTPUT, Figure, barred, tell
from loopixmix.group.group import Elements
from loopixmix.group.ristretto import ristretto255
from votes.mixing.checking import verify_mix
from votes.mixing.generators import KeptGenerators
from votes.mixing.mixer import BallotMixer
from votes.shuffle.chunks import Unwatched, chunks
from votes.shuffle.statement import ShuffleStatement

FIGURES = (
    *("shuffle_prove_100k_s", "verify_100k_s", "shuffle_prove_1m_s", "shuffle_prove_after_closing_1m_s"),
    *("verify_1m_s", "generators_1m_s", "shuffle_1m_mb", "proof_bytes_per_ballot", "growth_1m_vs_10k"),
)
SMALL, MIDDLE, LARGE = 10_000, 100_000, 1_000_000
RUNS = {SMALL: 3, MIDDLE: 2, LARGE: 1}
"""Of several runs the fastest counts."""
PROVE_100K_BAR_S, VERIFY_100K_BAR_S = 14.0, 6.0
PROVE_1M_BAR_S, AFTER_CLOSING_1M_BAR_S, VERIFY_1M_BAR_S = 140.0, 80.0, 55.0
MEMORY_BAR_MB, BYTES_BAR, GROWTH_BAR = 3000.0, 224.0, 1.3
PUBLISHED_PROVE_100K_S, PUBLISHED_VERIFY_100K_S = 27.0, 9.0
PUBLISHED_PROVE_1M_S, PUBLISHED_VERIFY_1M_S = 770.0, 154.0
FINGERPRINT = bytes(range(32))


@dataclass(frozen=True)
class Stage:
    """How long a stage took, in seconds, and the most memory that its process had, in MB of 10^6 bytes."""

    seconds: float
    memory_mb: float


@dataclass(frozen=True)
class Measured:
    """The stages of one mix, and how many bytes output and proof have."""

    generators: Stage
    prepare: Stage
    after_closing: Stage
    verify: Stage
    published_bytes: int

    @property
    def prove_s(self) -> float:
        """All that a mixer does, before closing and after it."""
        return self.generators.seconds + self.prepare.seconds + self.after_closing.seconds

    @property
    def memory_mb(self) -> float:
        """The most that any stage took."""
        stages = (self.generators, self.prepare, self.after_closing, self.verify)
        return max(stage.memory_mb for stage in stages)


def measure() -> Iterator[Figure]:
    """Yield the figures for ballots of one ciphertext each."""
    small, middle = best_of(SMALL), best_of(MIDDLE)
    prove_s, verify_s = middle.prove_s, middle.verify.seconds
    yield _timed("shuffle_prove_100k_s", prove_s, PROVE_100K_BAR_S, PUBLISHED_PROVE_100K_S)
    yield _timed("verify_100k_s", verify_s, VERIFY_100K_BAR_S, PUBLISHED_VERIFY_100K_S)
    large = best_of(LARGE)
    yield _timed("shuffle_prove_1m_s", large.prove_s, PROVE_1M_BAR_S, PUBLISHED_PROVE_1M_S)
    after_s = large.after_closing.seconds
    yield barred("shuffle_prove_after_closing_1m_s", after_s, "s", bar=AFTER_CLOSING_1M_BAR_S, better="lower")
    yield _timed("verify_1m_s", large.verify.seconds, VERIFY_1M_BAR_S, PUBLISHED_VERIFY_1M_S)
    # A mixer has them before the election closes. An auditor who begins afterwards derives them, too.
    yield Figure(name="generators_1m_s", value=large.generators.seconds, unit="s")
    yield barred("shuffle_1m_mb", large.memory_mb, "MB", bar=MEMORY_BAR_MB, better="lower")
    # What a further ballot costs. The few hundred bytes that every proof has are in neither.
    each = (large.published_bytes - middle.published_bytes) / (LARGE - MIDDLE)
    yield barred("proof_bytes_per_ballot", each, "B", bar=BYTES_BAR, better="lower")
    growth = _per_ballot_s(large, LARGE) / _per_ballot_s(small, SMALL)
    yield barred("growth_1m_vs_10k", growth, "times", bar=GROWTH_BAR, better="lower")


def best_of(size: int) -> Measured:
    """Measure a mix of `size` ballots some times; return the one that was proved and verified fastest."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    measured = []
    for _ in range(RUNS[size]):
        with tempfile.TemporaryDirectory(dir=OUTPUT) as directory:
            measured.append(mix_of(size, Path(directory)))
    return min(measured, key=lambda each: each.prove_s + each.verify.seconds)


def mix_of(size: int, directory: Path) -> Measured:
    """Let one mixer prepare, shuffle and prove a list, and an auditor verify it, each in a process of its own."""
    apart(write_list, size, directory)
    generators, prepared = apart(derive_generators, size, directory), apart(prepare, size, directory)
    shuffled, verified = apart(shuffle, size, directory), apart(verify, size, directory)
    published = sum((directory / "mix" / name).stat().st_size for name in ("output", "proof"))
    return Measured(generators, prepared, shuffled, verified, published)


def apart(work: Callable[[int, Path], None], size: int, directory: Path, name: str = "") -> Stage:
    """Do a piece of work in a new process, and return what it took. Starting Python does not count.

    `name`: of the work, if it is not that of the function.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        stage = pool.submit(_measured, work, size, directory).result()
    tell(f"{size:,} ballots: {name or work.__name__} took {stage.seconds:.1f} s and {stage.memory_mb:.0f} MB")
    return stage


def _measured(work: Callable[[int, Path], None], size: int, directory: Path) -> Stage:
    ristretto255()  # loads the engine
    begin_s = time.perf_counter()
    work(size, directory)
    seconds = time.perf_counter() - begin_s
    return Stage(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)


def write_list(size: int, directory: Path) -> None:
    """Write an input: elements that somebody encrypted to a key that nobody knows."""
    group, rng = ristretto255(), random.Random(1)
    tables = group.fixed_base(group.generator)
    with (directory / "input").open("wb") as file:
        for _ in range(2):
            for chunk in chunks(size):
                file.write(tables.times_public(group.random_scalars(rng, chunk.count)).encode())


def derive_generators(size: int, directory: Path) -> None:
    """Derive the generators, and keep them."""
    _generators(size, directory).derive(Unwatched())


def prepare(size: int, directory: Path) -> None:
    """Do what a mixer does before the election closes."""
    _mixer(size, directory).prepare()


def shuffle(size: int, directory: Path) -> None:
    """Do what a mixer does afterwards, from reading the input to erasing what was drawn."""
    _mixer(size, directory).shuffle((directory / "input").read_bytes())


def verify(size: int, directory: Path) -> None:
    """Verify a mix with generators that are there already."""
    mix = directory / "mix"
    files = (directory / "input", mix / "output", mix / "proof")
    verify_mix(_statement(size), *files, _generators(size, directory), progress=Unwatched())


def _mixer(size: int, directory: Path) -> BallotMixer:
    generators = _generators(size, directory)
    rng = random.SystemRandom()
    return BallotMixer(directory / "mix", _statement(size), generators, rng=rng, progress=Unwatched())


def _statement(size: int) -> ShuffleStatement:
    return ShuffleStatement(ristretto255(), FINGERPRINT, 0, 0, _public_key(), 1, size)


def _public_key() -> Elements:
    return ristretto255().hash_to_elements(b"loopixmix-votes-1/benchmark", [b"public key"])


def _generators(size: int, directory: Path) -> KeptGenerators:
    return KeptGenerators(directory / "generators", ristretto255(), FINGERPRINT, size)


def _per_ballot_s(measured: Measured, size: int) -> float:
    return (measured.prove_s + measured.verify.seconds) / size


def _timed(name: str, seconds: float, bar_s: float, published_s: float) -> Figure:
    return barred(name, seconds, "s", bar=bar_s, better="lower", reference=published_s)
