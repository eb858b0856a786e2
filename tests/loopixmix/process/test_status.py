"""The status file is renewed every second, and a full disk does not stop the node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from loopixmix.errors import disk_full
from loopixmix.observing.status import NodeStatus, read_status
from loopixmix.process.status import Status, StatusFile, StatusReporter

STATUS = NodeStatus(
    name="mix1",
    id="ab" * 32,
    role="mix",
    layer=1,
    pid=4711,
    started_at_s=0.0,
    written_at_s=0.0,
    epoch=3,
    healthy=True,
    problem=None,
    engine="native",
)


def run(work: Callable[[], None]) -> None:
    """Have a thread that is done before anybody looks."""
    work()


def test_the_status_is_renewed_every_second_and_removed_at_the_end(tmp_path: Path) -> None:
    clock = Clock()
    reporter = StatusReporter(
        StatusFile(tmp_path),
        status=lambda: msgspec.structs.replace(STATUS, written_at_s=clock.seconds()),
        clock=clock,
        in_thread=run,
    )
    reporter.start()
    for second in range(3):
        status = read_status(tmp_path)
        assert status is not None
        assert status.written_at_s == second
        clock.advance(1.0)
    reporter.stop()
    assert read_status(tmp_path) is None
    assert clock.getDelayedCalls() == []


class FileOnAFullDisk(StatusFile):
    """There is room for one file, and not for a second one beside it."""

    is_full = True

    def write(self, status: Status) -> None:
        if self.is_full and read_status(self._path.parent) is not None:
            raise disk_full("status.json: cannot be written")
        super().write(status)


def test_on_a_full_disk_no_old_word_stays_that_all_is_well(tmp_path: Path) -> None:
    clock = Clock()
    file = FileOnAFullDisk(tmp_path)
    reporter = StatusReporter(file, status=lambda: STATUS, clock=clock, in_thread=run)
    reporter.start()
    assert read_status(tmp_path) == STATUS
    for _ in range(2):
        clock.advance(1.0)
        told = read_status(tmp_path)
        assert told is not None
        assert (told.healthy, told.problem) == (False, "the disk is full: status.json: cannot be written")
    file.is_full = False
    clock.advance(1.0)
    assert read_status(tmp_path) == STATUS
    reporter.stop()


def test_a_status_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    clock = Clock()
    directory = tmp_path / "node"
    reporter = StatusReporter(StatusFile(directory), status=lambda: STATUS, clock=clock, in_thread=run)
    reporter.start()
    clock.advance(1.0)
    directory.mkdir()
    clock.advance(1.0)
    assert read_status(directory) == STATUS
    reporter.stop()
    assert clock.getDelayedCalls() == []


def test_a_problem_is_logged_when_it_begins_and_when_it_ends(tmp_path: Path) -> None:
    logged: list[str] = []

    def keep(event: LogEvent) -> None:
        logged.append(f"{event['log_level'].name} {formatEvent(event)}")

    clock = Clock()
    problems = iter([None, "expires in 9 s", "expires in 8 s", "3 loops were lost", None, None])
    reporter = StatusReporter(
        StatusFile(tmp_path),
        status=lambda: msgspec.structs.replace(STATUS, problem=next(problems)),
        clock=clock,
        in_thread=run,
    )
    globalLogPublisher.addObserver(keep)
    reporter.start()
    for _ in range(5):
        clock.advance(1.0)
    reporter.stop()
    globalLogPublisher.removeObserver(keep)
    assert logged == ["warn expires in 9 s", "warn 3 loops were lost", "info all is well"]


def test_a_slow_disk_delays_neither_the_node_nor_its_end(tmp_path: Path) -> None:
    clock = Clock()
    waiting: list[Callable[[], None]] = []
    statuses = iter([STATUS, msgspec.structs.replace(STATUS, epoch=4), msgspec.structs.replace(STATUS, epoch=5)])
    reporter = StatusReporter(
        StatusFile(tmp_path), status=lambda: next(statuses), clock=clock, in_thread=waiting.append
    )
    reporter.start()
    clock.advance(1.0)
    assert len(waiting) == 1  # the second waits for nobody: it is left out
    waiting.pop()()
    assert read_status(tmp_path) == STATUS
    clock.advance(1.0)
    waiting.pop()()
    status = read_status(tmp_path)
    assert status is not None
    assert status.epoch == 5
    reporter.stop()
    assert clock.getDelayedCalls() == []
