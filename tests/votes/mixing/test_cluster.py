"""Chunks of shuffles on other machines: the same bytes, the same verdicts."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from loopixmix.group.group import BadElementError, Group
from loopixmix.sweeps.places import Place
from tests.worlds.clusters import Cluster
from tests.worlds.mixers import CHUNK_ROWS, GENERATORS, GROUP, Steps, the_list
from tests.worlds.shuffles import a_shuffle
from votes.mixing.checking import verify_mix
from votes.mixing.cluster import ClusterWork
from votes.mixing.mixer import BallotMixer
from votes.shuffle.chunks import Unwatched
from votes.shuffle.statement import ShuffleError
from votes.shuffle.tasks import Elsewhere, OutputTask, Task
from votes.shuffle.verifying import verify_shuffle

HERE = ClusterWork(Place(jobs=1))


class Counting:
    """Another machine that is counted on."""

    def __init__(self, work: Elsewhere) -> None:
        self._work = work
        self.done: list[str] = []

    def perform(self, group: Group, tasks: Iterable[Task]) -> Iterator[bytes]:
        return self._work.perform(group, map(self._count, tasks))

    def _count(self, task: Task) -> Task:
        self.done.append(repr(task))
        return task


def mixed(directory: Path, elsewhere: Elsewhere | None, before: bytes | None = None) -> tuple[bytes, bytes]:
    mixer = BallotMixer(
        directory,
        the_list()[0],
        GENERATORS,
        rng=random.Random(1),
        progress=Unwatched(),
        chunk_rows=CHUNK_ROWS,
        elsewhere=elsewhere,
    )
    mix = mixer.shuffle(before or the_list()[1])
    return mix.output.read_bytes(), mix.proof.read_bytes()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    found = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        found.wait_for_workers()
        yield found
    finally:
        found.stop()


def test_a_shuffle_done_elsewhere_has_the_same_bytes(tmp_path: Path) -> None:
    elsewhere = Counting(HERE)
    assert mixed(tmp_path / "a", elsewhere) == mixed(tmp_path / "b", None)
    assert elsewhere.done == [f"<{kind}Task {number}>" for kind in ("Output", "Chain") for number in range(3)]


def test_a_real_cluster_of_two_workers_gives_the_same_bytes_and_verdicts(cluster: Cluster, tmp_path: Path) -> None:
    work = ClusterWork(Place(dask=cluster.address))
    output, proof = mixed(tmp_path / "a", work)
    assert (output, proof) == mixed(tmp_path / "b", None)
    statement, before = replace(the_list()[0], size=5), the_list()[1]
    for elsewhere in (work, None):
        verify_shuffle(statement, before, output, proof, GENERATORS, chunk_rows=2, elsewhere=elsewhere)
        with pytest.raises(ShuffleError, match="wrong equations"):
            verify_shuffle(
                statement, before, changed_vote(output), proof, GENERATORS, chunk_rows=2, elsewhere=elsewhere
            )


def changed_vote(output: bytes) -> bytes:
    """Return an output in which the last row has another content."""
    return output[:-32] + (GROUP.elements(output[-32:]) + GROUP.generator).encode()


def test_a_proof_is_checked_elsewhere_from_files(tmp_path: Path) -> None:
    shuffled = a_shuffle(5, 2)
    contents = {"input": shuffled.before, "output": shuffled.shuffled.output, "proof": shuffled.shuffled.proof}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    elsewhere, steps = Counting(HERE), Steps()
    files = (tmp_path / "input", tmp_path / "output", tmp_path / "proof")
    verify_mix(shuffled.statement, *files, shuffled.generators, progress=steps, chunk_rows=2, elsewhere=elsewhere)
    assert elsewhere.done == [f"<CheckTask {number}>" for number in range(3)]
    assert steps.seen[-1] == "checking all equations together: 3"


@pytest.mark.parametrize("which", ["input", "output", "proof"])
def test_what_is_no_element_is_refused_with_its_place(which: str) -> None:
    shuffled = a_shuffle(5, 1)
    contents = {
        "input": bytearray(shuffled.before),
        "output": bytearray(shuffled.shuffled.output),
        "proof": bytearray(shuffled.shuffled.proof),
    }
    place = 7 + 32 * 4 if which == "proof" else 32 * 4
    contents[which][place : place + 32] = b"\xff" * 32
    name = {"proof": "U"}.get(which, f"the {which}")
    before, output, proof = contents.values()
    with pytest.raises(ShuffleError, match=f"{name}: number 4 is no canonical encoding"):
        verify_shuffle(shuffled.statement, before, output, proof, shuffled.generators, chunk_rows=2, elsewhere=HERE)


def test_an_input_with_what_is_no_element_is_refused(tmp_path: Path) -> None:
    before = b"\xff" * 32 + the_list()[1][32:]
    with pytest.raises(BadElementError):
        mixed(tmp_path, HERE, before)


def test_parts_that_are_there_are_not_done_elsewhere_again(tmp_path: Path) -> None:
    class Failing:
        """A cluster that is lost after two tasks."""

        def perform(self, group: Group, tasks: Iterable[Task]) -> Iterator[bytes]:
            outcomes = HERE.perform(group, tasks)
            yield next(outcomes)
            yield next(outcomes)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        mixed(tmp_path / "a", Failing())
    elsewhere = Counting(HERE)
    assert mixed(tmp_path / "a", elsewhere) == mixed(tmp_path / "b", None)
    assert elsewhere.done[:2] == ["<OutputTask 2>", "<ChainTask 0>"]


def test_a_task_does_not_show_its_seed() -> None:
    task = OutputTask(0, 0, 1, 1, b"secret", b"", b"")
    assert "secret" not in repr(task)
