"""Sweeps as real processes: interrupted and killed at any moment, they go on and repeat no finished task."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loopixmix.main import run
from simulations import Result
from simulations.results.folder import manifest_now
from simulations.results.manifest import read_manifest
from tests.worlds.toys import LOG

ROOT = Path(__file__).parents[3]
KILLS = 2
TASKS = 12 + 3
"""Three delays, four replicates, and theory for each delay."""


class Sweep:
    """A sweep of the toy engine in a folder, and the log of the tasks that it did."""

    def __init__(self, folder: Path, *, jobs: int, task_s: float = 0.2) -> None:
        self.out, self.log = folder / "out", folder / "log"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        sweep = [
            "--engine",
            "tests.worlds.toys:ENGINE",
            "-p",
            "mix.delay_mean_s=0.1,0.2,0.5",
            "--replicates",
            "4",
        ]
        task = ["-p", f"processors.unwrap_s={task_s}"]
        self.arguments = ["simulate", "run", "default", *sweep, *task, "--out", str(self.out)]
        self.command = [sys.executable, "-P", "-m", "loopixmix.main", *self.arguments, "--jobs", str(jobs)]
        self.environment = os.environ | {
            LOG: str(self.log),
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(self.temporary),
        }
        self.log.touch()

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self) -> None:
        """Run the same command to its end, in this process: what is left is done with one job."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(LOG, str(self.log))
            assert run([*self.arguments, "--jobs", "1"]) == 0

    @property
    def done(self) -> list[str]:
        return self.log.read_text().splitlines()

    @property
    def kept(self) -> set[str]:
        return {path.name for path in (self.out / "parts").glob("[!.]*")}

    def wait_for(self, tasks: int) -> None:
        until_s = time.monotonic() + 60
        while len(self.kept) < tasks:
            assert time.monotonic() < until_s, "no task was done"
            time.sleep(0.02)


@pytest.mark.parametrize(
    ("who", "number", "jobs"),
    [
        ("kill", signal.SIGINT, 1),
        ("the terminal", signal.SIGINT, 2),
        ("timeout", signal.SIGTERM, 1),
        ("timeout", signal.SIGTERM, 2),
        ("SLURM", signal.SIGTERM, 2),
        ("the terminal that closes", signal.SIGHUP, 2),
    ],
)
def test_ctrl_c_and_sigterm_leave_a_folder_that_goes_on_and_nothing_else(
    tmp_path: Path, jobs: int, number: signal.Signals, who: str
) -> None:
    sweep = Sweep(tmp_path, jobs=jobs)
    process = sweep.start()
    sweep.wait_for(2)
    began_s = time.monotonic()
    if who in ("kill", "timeout"):
        process.send_signal(number)
    else:  # every process of the session gets it
        os.killpg(process.pid, number)
    _, complaints = process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - began_s < 10
    kept = sweep.kept
    assert complaints.strip().splitlines()[-1] == (
        f"interrupted: {len(kept)} of {TASKS} tasks are kept in {sweep.out}; the same command goes on"
    )
    assert complaints.strip().count("\n") == 0, "warnings are left"
    assert list(sweep.temporary.iterdir()) == []
    manifest = read_manifest(sweep.out)
    assert (manifest.tasks_done, manifest.sessions[-1].end) == (len(kept), "interrupted")
    time.sleep(0.5)
    done = len(sweep.done)
    time.sleep(0.5)
    assert len(sweep.done) == done, "processes go on after their parent was interrupted"
    sweep.finish()
    repeated = len(sweep.done) - len(set(sweep.done))
    assert repeated <= done - len(kept & {name for name in kept if "theory" not in name})
    assert len(set(sweep.done)) == 12
    assert [session.end for session in Result.load(sweep.out).manifest.sessions] == ["interrupted", "complete"]


def test_kill_9_at_any_moment_loses_no_finished_task(tmp_path: Path) -> None:
    """Killed again and again, each time at another moment: what was kept is never done again, the files are right."""
    sweep = Sweep(tmp_path, jobs=2, task_s=0.1)
    kept: set[str] = set()
    for kill in range(KILLS):
        process = sweep.start()
        sweep.wait_for(min(len(kept) + 1 + kill % 2, TASKS - 1))
        time.sleep(0.013 * kill)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
        assert kept <= sweep.kept
        kept = sweep.kept
        before = {name: (sweep.out / "parts" / name).stat().st_mtime_ns for name in kept}
        manifest = manifest_now(sweep.out)
        assert manifest.sessions[-1].end == "interrupted"
        assert not manifest.complete
    sweep.finish()
    assert before == {name: (sweep.out / "parts" / name).stat().st_mtime_ns for name in kept}
    (tmp_path / "again").mkdir()
    undisturbed = Sweep(tmp_path / "again", jobs=1, task_s=0.1)
    undisturbed.finish()
    first, second = Result.load(sweep.out).manifest, Result.load(undisturbed.out).manifest
    assert first.files == second.files
    assert len(first.sessions) == KILLS + 1
    assert [session.end for session in first.sessions] == ["interrupted"] * KILLS + ["complete"]


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, jobs=2)
    process = sweep.start()
    sweep.wait_for(1)
    workers = children_of(process.pid)
    assert workers
    process.kill()
    process.communicate(timeout=30)
    until_s = time.monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < until_s:
        time.sleep(0.1)
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]


def children_of(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def test_a_full_disk_is_one_line_and_what_is_done_is_kept(tmp_path: Path) -> None:
    """Files may have 8 KiB at most: all parts fit, a table does not. (A disk of its own would need rights.)"""
    sweep = Sweep(tmp_path, jobs=1, task_s=0)
    full = subprocess.run(
        ["sh", "-c", 'ulimit -f 16; exec "$@"', "sh", *sweep.command],
        env=sweep.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert full.returncode == 2
    assert full.stderr.startswith(f"loopixmix: {sweep.out}/")
    assert full.stderr.endswith(": cannot be written: File too large\n")
    assert full.stderr.count("\n") == 1
    assert len(sweep.kept) == TASKS
    sweep.finish()
    assert len(sweep.done) == 12


def test_workers_leave_sigterm_to_their_parent(tmp_path: Path) -> None:
    """A batch system sends it to every process: workers that died of it would make the run fail."""
    sweep = Sweep(tmp_path, jobs=2)
    process = sweep.start()
    sweep.wait_for(4)
    for worker in children_of(process.pid):
        os.kill(worker, signal.SIGTERM)
    _, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (0, "")
