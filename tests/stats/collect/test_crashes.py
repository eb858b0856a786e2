"""A collector that is gone at each point of a release, and comes back: nothing is lost and nothing is counted twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from stats.collect.waiting.batch import DrawnBatch
from stats.collect.waiting.room import HalfReleasedError
from stats.questionnaire.questionnaire import AtClose
from tests.worlds.stats.collected import WIDE, CollectorWorld, Respondents, SetClock, frozen, survey_draft


class Crashing:
    """A collector with some reports of which each has a number of its own."""

    def __init__(self, directory: Path, at_close: AtClose) -> None:
        self.directory = directory
        self.clock = SetClock()
        self.world = CollectorWorld(directory, clock=self.clock)
        questionnaire = frozen(survey_draft(questions=1, at_close=at_close), WIDE)
        self.world.add(questionnaire)
        self.people = Respondents(questionnaire)
        self.sent: list[bytes] = []

    @property
    def waiting_files(self) -> Path:
        return self.directory / "waiting"

    def answer(self, count: int) -> None:
        new = [self.people.encoded((10**9 + len(self.sent) + number,)) for number in range(count)]
        assert self.world.take(*new) == [None] * count
        self.sent += new

    def draw(self) -> DrawnBatch:
        self.clock.now_s += 1000
        batch = self.world.collector.draw_due()
        assert batch is not None
        return batch

    def come_back(self) -> None:
        self.world.close()
        self.world = CollectorWorld(self.directory, clock=self.clock, seed=2)

    def settle(self) -> list[int]:
        """Send all again, let the survey end, and return what was counted, by number."""
        assert self.world.take(*self.sent) == [None] * len(self.sent)
        self.clock.now_s += 10_000
        self.world.release()
        assert [path.name for path in self.waiting_files.iterdir()] == []
        return sorted(int(str(row[2])) - 10**9 for row in self.world.rows())


def drawn(crashing: Crashing) -> None:
    crashing.draw()


def not_yet_erased(crashing: Crashing) -> None:
    """The batch is in its file, and the pool is as it was before."""
    [pool] = crashing.waiting_files.iterdir()
    before = pool.read_bytes()
    crashing.draw()
    pool.write_bytes(before)


def only_half_of_a_batch_file(crashing: Crashing) -> None:
    """A file that was about to become the batch's is there, and the pool is as it was before."""
    [pool] = crashing.waiting_files.iterdir()
    shutil.copy(pool, crashing.waiting_files / f".{pool.stem}.1.batch.unfinished")


def while_a_file_grew(crashing: Crashing) -> None:
    """The larger file is there beside the old one."""
    [pool] = crashing.waiting_files.iterdir()
    shutil.copy(pool, crashing.waiting_files / f".{pool.name}.unfinished")


def in_the_column_store(crashing: Crashing) -> None:
    batch = crashing.draw()
    [running] = crashing.world.collector.running()
    table = running.survey.table(0)
    crashing.world.released.append(table, batch.number, 0, batch.form.columns(batch.records))


def with_spent_tokens(crashing: Crashing) -> None:
    crashing.world.collector.append(crashing.draw())


@pytest.mark.parametrize("at_close", AtClose)
@pytest.mark.parametrize(
    "crash",
    [drawn, not_yet_erased, only_half_of_a_batch_file, while_a_file_grew, in_the_column_store, with_spent_tokens],
)
def test_every_report_is_counted_once_wherever_it_crashed(
    tmp_path: Path, at_close: AtClose, crash: Callable[[Crashing], None]
) -> None:
    crashing = Crashing(tmp_path, at_close)
    crashing.answer(12)
    crash(crashing)
    crashing.come_back()
    crashing.answer(12)
    assert crashing.settle() == list(range(24))
    crashing.world.close()


def test_a_pool_that_cannot_be_erased_ends_the_program(tmp_path: Path) -> None:
    crashing = Crashing(tmp_path, AtClose.DISCARD)
    crashing.answer(6)
    [pool] = crashing.waiting_files.iterdir()
    pool.unlink()
    pool.mkdir()
    with pytest.raises(HalfReleasedError, match="goes on after a restart"):
        crashing.draw()
    pool.rmdir()
    crashing.come_back()
    assert crashing.settle() == list(range(6))
    crashing.world.close()


def test_a_period_that_was_settled_stays_so_if_its_reports_were_not_erased(tmp_path: Path) -> None:
    crashing = Crashing(tmp_path, AtClose.DISCARD)
    crashing.answer(3)
    [pool] = crashing.waiting_files.iterdir()
    before = pool.read_bytes()
    crashing.clock.now_s += 10_000
    assert crashing.world.release() == []
    pool.write_bytes(before)
    crashing.come_back()
    assert list(crashing.waiting_files.iterdir()) == []
    [running] = crashing.world.collector.running()
    assert crashing.world.ledger.discarded(running.number) == {(0, 0): 3}
    crashing.world.close()
