"""Whole tallies: all that is done after an election closes, one party after another on this machine.

Two mixers, three trustees of whom two decrypt, one question of yes or no. Before closing, and not counted: the
generators, and what the mixers prepare. Ballots' proofs are checked as ballots arrive, so their time stands apart.
Each stage has a process of its own.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.report import OUTPUT, Figure, barred, tell
from benchmarks.voting.served_board import new_voters
from benchmarks.voting.shuffles import Stage, apart
from loopixmix.group.group import Group
from loopixmix.group.ristretto import LIBSODIUM, ristretto255
from votes.ballot.ballots import BallotError
from votes.ballot.choices import ChosenOptions
from votes.ballot.ciphertexts import Ciphertexts, decode_ciphertexts, encrypt
from votes.ballot.plaintexts import coding_of, embed_numbers
from votes.mixing.checking import verify_mix
from votes.mixing.generators import KeptGenerators
from votes.mixing.mixer import BallotMixer
from votes.record.polls import YesNoPoll
from votes.shuffle.chunks import Unwatched, chunks
from votes.shuffle.statement import ShuffleStatement
from votes.tally.counts import ChoiceCounter
from votes.trustees.decryption import DecryptionStatement, check_partial, combine, decode_partial, decrypt_partially
from votes.trustees.generation import JointKey, KeyShare
from votes.trustees.polynomial import Polynomial

FIGURES = (
    *("tally_100k_s", "tally_1m_min", "decrypt_1m_s", "decrypt_verify_1m_s", "fallback_10k_min"),
    *("ballot_checks_1m_s", "one_wrong_ballot_ratio", "all_ballots_wrong_ratio"),
)
SMALL, MIDDLE, LARGE = 10_000, 100_000, 1_000_000
CHECKED = 20_000
"""Ballots whose proofs are checked. Making a million of them one by one would take a quarter of an hour."""
TOGETHER = 4096
"""Ballots that a board checks together at most."""
TALLY_100K_BAR_S, TALLY_1M_BAR_MIN, FALLBACK_BAR_MIN = 60.0, 10.0, 5.0
DECRYPT_BAR_S, DECRYPT_VERIFY_BAR_S = 40.0, 15.0
MIXERS, TRUSTEES, THRESHOLD = 2, (1, 2), 2
FINGERPRINT = bytes(range(32))
POLL = YesNoPoll(
    id="shed", title="Shed", question="A new shed?", blank=True, method="majority", seats=1, options=("Yes", "No")
)
NATIVE = "loopixmix._native"


def measure() -> Iterator[Figure]:
    """Yield the figures."""
    middle = tally_of(MIDDLE)
    yield barred("tally_100k_s", _total(middle), "s", bar=TALLY_100K_BAR_S, better="lower")
    large = tally_of(LARGE)
    yield barred("tally_1m_min", _total(large) / 60, "min", bar=TALLY_1M_BAR_MIN, better="lower")
    yield barred("decrypt_1m_s", large["decrypt 1"].seconds, "s", bar=DECRYPT_BAR_S, better="lower")
    checked = large["check decryptions"].seconds / len(TRUSTEES)
    yield barred("decrypt_verify_1m_s", checked, "s", bar=DECRYPT_VERIFY_BAR_S, better="lower")
    fallback = tally_of(SMALL, without_native=True)
    yield barred("fallback_10k_min", _total(fallback) / 60, "min", bar=FALLBACK_BAR_MIN, better="lower")
    # Done while ballots arrive, so it has no bar. The proofs are checked in batches, each as long as any other.
    yield Figure(name="ballot_checks_1m_s", value=ballot_checks_s() * LARGE / CHECKED, unit="s")

    # What somebody gains who sends wrong ballots to keep a board busy.
    one, all_of_them = wrong_ballot_ratios()
    yield Figure(name="one_wrong_ballot_ratio", value=one, unit="times")
    yield Figure(name="all_ballots_wrong_ratio", value=all_of_them, unit="times")


def wrong_ballot_ratios() -> tuple[float, float]:
    """Return how many times as long the check of a full batch takes with one wrong ballot, and with none but wrong."""
    voters = new_voters(TOGETHER)
    right = [voters.cast(number, (ChosenOptions(frozenset({number % 3})),)) for number in range(TOGETHER)]
    # The last byte before the place of the credential is one of a reply.
    end = len(right[0]) - len(voters.voters[0].place.encode())
    wrong = [ballot[: end - 32] + bytes([ballot[end - 32] ^ 1]) + ballot[end - 31 :] for ballot in right]
    seconds = []
    for ballots, expected in ((right, 0), ([wrong[0], *right[1:]], 1), (wrong, TOGETHER)):
        begin_s = time.perf_counter()
        found = sum(isinstance(each, BallotError) for each in voters.check.check_many(ballots))
        seconds.append(time.perf_counter() - begin_s)
        if found != expected:
            raise RuntimeError(f"{found} ballots were found wrong, and not {expected}")
    return seconds[1] / seconds[0], seconds[2] / seconds[0]


def ballot_checks_s() -> float:
    """Return how long a trustee checks `CHECKED` ballots, in seconds: form, credential, elements, proof."""
    voters = new_voters(CHECKED)
    tell(f"{CHECKED:,} ballots are made")
    ballots = [voters.cast(number, (ChosenOptions(frozenset({number % 3})),)) for number in range(CHECKED)]
    begin_s = time.perf_counter()
    results = voters.check.check_many(ballots)
    seconds = time.perf_counter() - begin_s
    wrong = [result for result in results if isinstance(result, BallotError)]
    if wrong:
        raise RuntimeError(f"{len(wrong)} ballots are wrong, such as: {wrong[0]}")
    return seconds


def tally_of(size: int, *, without_native: bool = False) -> dict[str, Stage]:
    """Hold a tally of `size` ballots; return what each stage after closing took."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUTPUT) as name:
        directory = Path(name)
        stage = partial(_stage, size, directory, without_native)
        stage("list", make_list)
        stage("generators", derive_generators)
        for mixer in range(MIXERS):
            stage(f"prepare {mixer}", partial(prepare, mixer))
        after: dict[str, Callable[[int, Path], None]] = {
            **{f"mix {mixer}": partial(mix, mixer) for mixer in range(MIXERS)},
            **{f"verify {trustee}": partial(verify_all, trustee) for trustee in TRUSTEES},
            **{f"decrypt {trustee}": partial(decrypt, trustee) for trustee in TRUSTEES},
            "check decryptions": check_decryptions,
            "count": count,
        }
        measured = {name: stage(name, work) for name, work in after.items()}
        tell(f"{size:,} ballots: {sum(each.seconds for each in measured.values()):.1f} s after closing")
        return measured


def make_list(size: int, directory: Path) -> None:
    """Encrypt votes: two of three say yes, some are blank."""
    group, rng = ristretto255(), random.Random(1)
    coding = coding_of(POLL, group)
    [choices] = embed_numbers(group, [number.to_bytes(coding.number_bytes, "big") for number in (0, 1, 1, 2)], 1)
    parts = []
    for chunk in chunks(size):
        messages = choices.take([rng.randrange(4) for _ in range(chunk.count)])
        randomness = group.random_scalars(rng, chunk.count)
        parts.append(encrypt(group, key_of(group).public_key, [messages], [randomness]).pairs[0])
    columns = (group.join([part.a for part in parts]), group.join([part.b for part in parts]))
    (directory / "input").write_bytes(b"".join(column.encode() for column in columns))


def derive_generators(size: int, directory: Path) -> None:
    """Derive the generators, and keep them."""
    _generators(size, directory).derive(Unwatched())


def prepare(mixer: int, size: int, directory: Path) -> None:
    """Do what a mixer does before the election closes."""
    _mixer(mixer, size, directory).prepare()


def mix(mixer: int, size: int, directory: Path) -> None:
    """Verify the mixers before, and shuffle."""
    for before in range(mixer):
        _verify(before, size, directory)
    _mixer(mixer, size, directory).shuffle(_input_of(mixer, directory).read_bytes())


def verify_all(trustee: int, size: int, directory: Path) -> None:  # noqa: ARG001 (each trustee does it alike)
    """Verify all mixers, as each trustee does before it decrypts."""
    for mixer in range(MIXERS):
        _verify(mixer, size, directory)


def decrypt(trustee: int, size: int, directory: Path) -> None:  # noqa: ARG001 (the list tells)
    """Decrypt a trustee's part, and prove it."""
    group = ristretto255()
    share = KeyShare(trustee, _polynomial(group).at([trustee]))
    made = decrypt_partially(_decryption(group, directory), share, random.SystemRandom())
    (directory / f"share-{trustee}").write_bytes(made.encode())


def check_decryptions(size: int, directory: Path) -> None:  # noqa: ARG001 (the list tells)
    """Check the parts of all trustees."""
    group = ristretto255()
    statement = _decryption(group, directory)
    for trustee in TRUSTEES:
        check_partial(statement, decode_partial(statement, trustee, (directory / f"share-{trustee}").read_bytes()))


def count(size: int, directory: Path) -> None:
    """Put the parts together, and count."""
    group = ristretto255()
    statement = _decryption(group, directory)
    partials = {
        trustee: decode_partial(statement, trustee, (directory / f"share-{trustee}").read_bytes())
        for trustee in TRUSTEES
    }
    counter = ChoiceCounter(group, coding_of(POLL, group))
    counter.add(combine(statement, partials))
    counts = counter.finish()
    if counts.invalid or sum(each.count for each in counts.choices) + counts.blank != size:
        raise RuntimeError(f"{size} votes were cast, and other ones counted: {counts}")


def key_of(group: Group) -> JointKey:
    """Return the key of the trustees."""
    return JointKey(group, _polynomial(group).commitments())


def _polynomial(group: Group) -> Polynomial:
    return Polynomial(group, group.random_scalars(random.Random(2), THRESHOLD))


def _stage(size: int, directory: Path, without_native: bool, name: str, work: Callable[[int, Path], None]) -> Stage:
    return apart(partial(_done, work, without_native), size, directory, name)


def _done(work: Callable[[int, Path], None], without_native: bool, size: int, directory: Path) -> None:
    if without_native:
        # From now on importing it fails, as on a machine where it was never built.
        sys.modules[NATIVE] = None  # type: ignore[assignment]
        if ristretto255().engine != LIBSODIUM:
            raise RuntimeError("the native engine is still in use")
    work(size, directory)


def _verify(mixer: int, size: int, directory: Path) -> None:
    made = directory / f"mix-{mixer}"
    files = (_input_of(mixer, directory), made / "output", made / "proof")
    verify_mix(_statement(mixer, size), *files, _generators(size, directory), progress=Unwatched())


def _input_of(mixer: int, directory: Path) -> Path:
    return directory / f"mix-{mixer - 1}" / "output" if mixer else directory / "input"


def _mixer(mixer: int, size: int, directory: Path) -> BallotMixer:
    generators, rng = _generators(size, directory), random.SystemRandom()
    folder = directory / f"mix-{mixer}"
    return BallotMixer(folder, _statement(mixer, size), generators, rng=rng, progress=Unwatched())


def _statement(mixer: int, size: int) -> ShuffleStatement:
    group = ristretto255()
    return ShuffleStatement(group, FINGERPRINT, 0, mixer, key_of(group).public_key, 1, size)


def _generators(size: int, directory: Path) -> KeptGenerators:
    return KeptGenerators(directory / "generators", ristretto255(), FINGERPRINT, size)


def _decryption(group: Group, directory: Path) -> DecryptionStatement:
    return DecryptionStatement(group, FINGERPRINT, 0, _mixed(group, directory), key_of(group))


def _mixed(group: Group, directory: Path) -> Ciphertexts:
    return decode_ciphertexts(group, _input_of(MIXERS, directory).read_bytes(), 1)


def _total(stages: dict[str, Stage]) -> float:
    return sum(stage.seconds for stage in stages.values())
