"""A mixer that is killed, called again, or given another list."""

from __future__ import annotations

import contextlib
import functools
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from loopixmix.errors import MisuseError
from loopixmix.process.files import DirectoryLock, LockedError
from tests.worlds.mixers import (
    CHUNK_ROWS,
    GENERATORS,
    GROUP,
    SIZE,
    VOTERS,
    Killed,
    Steps,
    a_mixer,
    kill,
    the_list,
)
from votes.mixing.checking import verify_mix
from votes.mixing.mixer import BallotMixer, ProvenMix
from votes.mixing.secret import load_seed
from votes.shuffle.chunks import Unwatched
from votes.shuffle.proof import split_proof
from votes.shuffle.statement import ShuffleError

PUBLISHED = {"plan", "lock", "output", "proof", "done"}


def work(directory: Path, rng: random.Random, steps: Steps | None = None, before: bytes | None = None) -> ProvenMix:
    """Prepare and shuffle."""
    mixer = a_mixer(directory, rng, steps)
    mixer.prepare()
    return mixer.shuffle(before if before is not None else the_list()[1])


def contents(mix: ProvenMix) -> tuple[bytes, bytes]:
    return mix.output.read_bytes(), mix.proof.read_bytes()


def verify(mix: ProvenMix, before: bytes, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_bytes(before)
    statement = replace(the_list()[0], size=mix.size)
    verify_mix(statement, given, mix.output, mix.proof, GENERATORS, progress=Unwatched(), chunk_rows=2)


def commitments(mix: ProvenMix) -> set[bytes]:
    """Return what shows of the randomness in a proof."""
    part = bytes(split_proof(replace(the_list()[0], size=mix.size), mix.proof.read_bytes()).commitments)
    return {part[place : place + 32] for place in range(0, len(part), 32)}


@dataclass(frozen=True)
class Whole:
    """The work of a mixer that nobody kills, with the randomness of all others that begin."""

    steps: tuple[str, ...]
    contents: tuple[bytes, bytes]
    commitments: frozenset[bytes]


@functools.cache
def whole() -> Whole:
    steps = Steps()
    with tempfile.TemporaryDirectory() as directory:
        mix = work(Path(directory) / "whole", random.Random(1), steps)
        return Whole(tuple(steps.seen), contents(mix), frozenset(commitments(mix)))


STEPS = range(len(whole().steps))


def killed(directory: Path, step: int) -> bytes | None:
    """Kill a mixer at a step; return the seed that it leaves."""
    with pytest.raises(Killed):
        work(directory, random.Random(1), Steps(step, kill))
    assert not (directory / "output").exists() or (directory / "binding").exists() or (directory / "done").exists()
    return load_seed(directory / "seed")


def test_a_mix_of_fewer_rows_than_there_are_voters_is_right(tmp_path: Path) -> None:
    for size in range(VOTERS + 1):
        before = the_list(size)[1]
        mix = work(tmp_path / str(size), random.Random(size), before=before)
        assert mix.size == size
        verify(mix, before, tmp_path)


def test_nothing_prepared_gives_the_same_bytes_as_all_prepared(tmp_path: Path) -> None:
    at_once = a_mixer(tmp_path, random.Random(1)).shuffle(the_list()[1])
    assert contents(at_once) == whole().contents


def test_the_work_is_told_by_chunks() -> None:
    steps = whole().steps
    assert [step for step in steps if ":" not in step] == [
        "preparing",
        "binding what was drawn to the input",
        "encrypting anew, in another order",
        "committing to the order",
        "answering the challenge",
        "writing the output and the proof",
        "erasing what was drawn",
    ]
    assert steps.count("preparing: 4") == 1  # 7 voters by 2
    assert steps.count("committing to the order: 3") == 1  # 5 ballots by 2


@pytest.mark.parametrize("step", STEPS)
def test_a_mixer_killed_at_any_step_goes_on_and_makes_the_same_bytes(step: int, tmp_path: Path) -> None:
    seed = killed(tmp_path / "mix", step)
    done = (tmp_path / "mix" / "done").exists()
    resumed = work(tmp_path / "mix", random.Random(2))
    assert contents(resumed) == whole().contents
    assert done or seed is not None
    verify(resumed, the_list()[1], tmp_path)
    assert_erased(tmp_path / "mix", seed)


@pytest.mark.parametrize("step", STEPS)
def test_another_input_after_a_kill_at_any_step_draws_everything_anew(step: int, tmp_path: Path) -> None:
    seed = killed(tmp_path / "mix", step)
    bound = (tmp_path / "mix" / "binding").exists() or (tmp_path / "mix" / "done").exists()
    before = the_list(seed=2)[1]
    mix = work(tmp_path / "mix", random.Random(2), before=before)
    verify(mix, before, tmp_path)
    # What was drawn before any input was bound may serve this one.
    assert commitments(mix).isdisjoint(whole().commitments) is bound
    assert_erased(tmp_path / "mix", seed)


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_while_another_input_is_taken_up_lets_nothing_serve_twice(step: int, tmp_path: Path) -> None:
    """One list is bound; another one comes, and the mixer is killed; then a third one comes, or the first again."""
    for third in (the_list(seed=3)[1], the_list()[1]):
        directory = tmp_path / f"mix-{third[:4].hex()}"
        killed(directory, whole().steps.index("committing to the order: 2"))
        with contextlib.suppress(Killed):
            a_mixer(directory, random.Random(2), Steps(step, kill)).shuffle(the_list(seed=2)[1])
        second = load_seed(directory / "seed")
        mix = a_mixer(directory, random.Random(3)).shuffle(third)
        verify(mix, third, tmp_path)
        # Only a mixer that was killed before the first thing was erased may go on with the first list.
        if third != the_list()[1] or contents(mix) != whole().contents:
            assert commitments(mix).isdisjoint(whole().commitments)
        assert_erased(directory, second)


def assert_erased(directory: Path, seed: bytes | None) -> None:
    """Expect that nothing is left that was drawn."""
    assert {path.name for path in directory.iterdir()} == PUBLISHED
    for path in directory.iterdir():
        assert path.stat().st_mode & 0o077 == 0
        assert seed is None or seed not in path.read_bytes()


@pytest.mark.parametrize("step", STEPS[::5])
def test_a_process_that_is_gone_at_once_goes_on_likewise(step: int, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-P", "-m", "tests.worlds.mixers", str(tmp_path / "mix"), str(step)], check=False
    )
    assert run.returncode == 9
    assert contents(work(tmp_path / "mix", random.Random(2))) == whole().contents


def test_what_is_done_for_a_chunk_is_not_done_again(tmp_path: Path) -> None:
    step = whole().steps.index("committing to the order: 2")
    killed(tmp_path, step)
    kept = {path: path.stat().st_mtime_ns for path in (*tmp_path.glob("parts/*"), *tmp_path.glob("prepared/*"))}
    assert len(kept) == 3 + 2 + 8
    steps = Steps(whole().steps.index("answering the challenge"), kill)
    with pytest.raises(Killed):
        work(tmp_path, random.Random(2), steps)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_files_that_a_crash_tore_are_made_again(tmp_path: Path) -> None:
    killed(tmp_path / "mix", whole().steps.index("answering the challenge"))
    for number, path in enumerate((*tmp_path.glob("mix/parts/*"), *tmp_path.glob("mix/prepared/*"))):
        content = path.read_bytes()
        path.write_bytes((b"", content[:-1], content[:7], b"\x00" + content[1:])[number % 4])
    assert contents(work(tmp_path / "mix", random.Random(2))) == whole().contents


def test_what_is_prepared_can_be_read_with_the_seed_only(tmp_path: Path) -> None:
    mixer = a_mixer(tmp_path, random.Random(1))
    mixer.prepare()
    seed = load_seed(tmp_path / "seed")
    assert seed is not None
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or path.name == "seed" or seed not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0
    # Sealed: no two chunks of generators would be alike in plain files, but these would be there as they are.
    for path in tmp_path.glob("prepared/*"):
        assert bytes(GENERATORS.encodings(0, 1)) not in path.read_bytes()


def test_the_same_input_again_gives_the_same_files_and_draws_nothing(tmp_path: Path) -> None:
    first = contents(work(tmp_path, random.Random(1)))
    again = a_mixer(tmp_path, NoRandomness()).shuffle(the_list()[1])
    assert contents(again) == first


class NoRandomness(random.Random):
    """Randomness that nobody may ask for."""

    def randbytes(self, n: int) -> bytes:
        raise AssertionError("something was drawn")


def test_preparing_after_the_mix_is_done_does_nothing(tmp_path: Path) -> None:
    first = contents(work(tmp_path, random.Random(1)))
    a_mixer(tmp_path, NoRandomness()).prepare()
    assert contents(a_mixer(tmp_path, NoRandomness()).shuffle(the_list()[1])) == first


@pytest.mark.parametrize("name", ["output", "proof"])
def test_a_result_that_was_damaged_is_made_anew_with_other_randomness(name: str, tmp_path: Path) -> None:
    first = work(tmp_path, random.Random(1))
    drawn = commitments(first)
    (tmp_path / name).write_bytes(b"damaged")
    mix = work(tmp_path, random.Random(2))
    verify(mix, the_list()[1], tmp_path)
    assert commitments(mix).isdisjoint(drawn)


def test_a_seed_that_was_being_erased_is_none(tmp_path: Path) -> None:
    killed(tmp_path, whole().steps.index("committing to the order"))
    (tmp_path / "seed").write_bytes(bytes(64))
    mix = work(tmp_path, random.Random(2))
    verify(mix, the_list()[1], tmp_path)
    assert commitments(mix).isdisjoint(whole().commitments)


def test_the_chunks_stay_as_they_were_planned(tmp_path: Path) -> None:
    killed(tmp_path / "mix", whole().steps.index("committing to the order"))
    mixer = BallotMixer(
        tmp_path / "mix",
        the_list()[0],
        GENERATORS,
        rng=random.Random(2),
        progress=Unwatched(),
        chunk_rows=CHUNK_ROWS + 1,
    )
    assert contents(mixer.shuffle(the_list()[1])) == whole().contents


def test_a_directory_belongs_to_one_poll_mixer_and_election(tmp_path: Path) -> None:
    a_mixer(tmp_path, random.Random(1)).prepare()
    statement = the_list()[0]
    for other in (
        replace(statement, poll=statement.poll + 1),
        replace(statement, mixer=statement.mixer + 1),
        replace(statement, fingerprint=bytes(32)),
        replace(statement, public_key=GROUP.generator),
        replace(statement, width=2),
        replace(statement, size=VOTERS - 1),
    ):
        mixer = BallotMixer(tmp_path, other, GENERATORS, rng=random.Random(1), progress=Unwatched())
        with pytest.raises(MisuseError, match="another poll, mixer or election"):
            mixer.prepare()


def test_more_rows_than_voters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MisuseError, match="8 rows, but there are 7 voters"):
        a_mixer(tmp_path, random.Random(1)).shuffle(bytes(8 * 64))


def test_an_input_that_ends_within_a_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShuffleError, match="the input has 319 bytes, not 256"):
        a_mixer(tmp_path, random.Random(1)).shuffle(the_list()[1][:-1])
    assert not (tmp_path / "binding").exists()


def test_two_processes_do_not_work_in_one_directory(tmp_path: Path) -> None:
    mixer = a_mixer(tmp_path, random.Random(1))
    with DirectoryLock(tmp_path / "lock"):
        with pytest.raises(LockedError):
            mixer.prepare()
        with pytest.raises(LockedError):
            mixer.shuffle(the_list()[1])


def test_one_row_is_mixed_like_any_other(tmp_path: Path) -> None:
    before = the_list(1)[1]
    mix = work(tmp_path / "mix", random.Random(1), before=before)
    verify(mix, before, tmp_path)
    assert SIZE > mix.size == 1
