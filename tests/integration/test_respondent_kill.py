"""The respondent's program is killed again and again: no report is lost or doubled, and nothing is drawn twice."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopixmix.process.background import loopixmix_command
from stats.answer.program import open_answers
from stats.answer.store import rows
from stats.answer.store.rows import KeptReport, ReportState
from stats.report.report import decode_report

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
KILLS = 8
PATIENCE_S = 120.0


class Machine:
    """The machine of a respondent, whose client goes on while programs are killed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rng = random.Random(7)
        (path / "answers.json").write_text(json.dumps({"mood": "Bad", "age": 33}))

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [*loopixmix_command("stats", "answer"), *arguments, "--client", str(self.path / "client")]
        return subprocess.Popen(
            [*command, "--within-s", "4", "--until", "ended"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def kill_after(self, seconds: float, process: subprocess.Popen[bytes]) -> bool:
        """Kill a program; tell whether it still ran."""
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=30)
            return True
        process.communicate(timeout=30)
        return False

    def reports(self) -> list[KeptReport]:
        store = open_answers(self.path / "client" / "answers")
        try:
            surveys = store.read(rows.all_surveys)
            return [
                report
                for survey in surveys
                for report in store.read(lambda connection, at=survey: rows.reports_of(connection, at.survey_id))
            ]
        finally:
            store.close()

    def lines(self, name: str) -> list[str]:
        return (self.path / name).read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    daemon = subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.worlds.stats.respondent_daemon", str(tmp_path)],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert daemon.stdout is not None
    assert daemon.stdout.readline() == "ready\n"
    try:
        yield Machine(tmp_path)
    finally:
        daemon.kill()
        daemon.communicate(timeout=30)


def test_kills_at_random_moments_lose_nothing_and_double_nothing(machine: Machine) -> None:
    answer = ("take", str(machine.path / "invitation"), "--answers", str(machine.path / "answers.json"), "--yes")
    begun_s = time.monotonic()
    while not machine.reports():
        assert time.monotonic() - begun_s < PATIENCE_S
        machine.kill_after(machine.rng.uniform(0.5, 3.0), machine.start(*answer))
    drawn = {report.place.sheet: decode_report(report.drawn) for report in machine.reports()}
    killed = sum(machine.kill_after(machine.rng.uniform(0.5, 3.0), machine.start("status")) for _ in range(KILLS))
    last = machine.start("status")
    _, told = last.communicate(timeout=PATIENCE_S)
    assert last.returncode == 0, told
    assert killed > 0
    assert [report.state for report in machine.reports()] == [ReportState.ACCEPTED, ReportState.ACCEPTED]
    taken = {sheet: tuple(values) for sheet, values in map(json.loads, machine.lines("taken"))}
    assert taken == {sheet: report.values for sheet, report in drawn.items()}
    assert len(machine.lines("taken")) == 2
    # Whatever came, came from these two draws.
    assert {decode_report(bytes.fromhex(line)).report_id for line in machine.lines("asked")} == {
        report.report_id for report in drawn.values()
    }
