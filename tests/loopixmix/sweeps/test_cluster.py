"""Sweeps on a Dask cluster: a real scheduler and two real workers, as processes on loopback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopixmix.main import run
from loopixmix.sweeps.cluster import ClusterCodeError
from loopixmix.sweeps.places import Place, performed
from loopixmix.sweeps.work import Finished
from simulations.main import simulate
from tests.worlds.clusters import ENVIRONMENT, Cluster
from tests.worlds.sweeps import BACKWARDS, CODE, FAILING


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster for all tests, of which the last ones damage it."""
    found = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        found.wait_for_workers()
        yield found
    finally:
        found.stop()


def sweep(*options: str, task_s: float = 0.0) -> list[str]:
    values = ["-p", "mix.delay_mean_s=0.1,0.2,0.5", "-p", f"processors.unwrap_s={task_s}", "--replicates", "4"]
    return ["run", "default", "--engine", "tests.worlds.toys:ENGINE", *values, *options]


def start(*options: str, task_s: float = 0.0) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "loopixmix.main", "simulate", *sweep(*options, task_s=task_s)]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run_here(*options: str, task_s: float = 0.0) -> int:
    """Run it without a cluster, in this process; return the exit code."""
    return run(sweep("--jobs", "1", *options, task_s=task_s), command=simulate)


def test_work_of_an_application_runs_on_a_cluster(cluster: Cluster) -> None:
    tasks = [b"%d!" % number for number in range(7)]
    found = sorted(performed(BACKWARDS, tasks, Place(dask=cluster.address)), key=lambda task: task.place)
    assert found == [Finished(place, task[::-1]) for place, task in enumerate(tasks)]


def test_what_goes_wrong_in_work_on_a_cluster_comes_out(cluster: Cluster) -> None:
    with pytest.raises(ZeroDivisionError, match="a bug"):
        list(performed(FAILING, [b"fail"], Place(dask=cluster.address)))


def test_workers_with_other_code_get_no_work(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CODE, "b" * 64)
    with pytest.raises(ClusterCodeError, match=r"runs other code \(a{12}\) than this command \(b{12}\)"):
        list(performed(BACKWARDS, [b"0"], Place(dask=cluster.address)))


def test_a_cluster_gives_the_same_files_as_this_machine(cluster: Cluster, tmp_path: Path) -> None:
    there = start("--dask", cluster.address, "--out", str(tmp_path / "there"))
    assert run_here("--out", str(tmp_path / "here")) == 0
    _, complaints = there.communicate(timeout=120)
    assert there.returncode == 0, complaints
    names = [path.relative_to(tmp_path / "here") for path in (tmp_path / "here").rglob("*") if path.is_file()]
    assert len(names) > 20
    differing = [
        name for name in names if (tmp_path / "here" / name).read_bytes() != (tmp_path / "there" / name).read_bytes()
    ]
    assert [str(name) for name in differing] == ["manifest.json"]
    manifest = json.loads((tmp_path / "there" / "manifest.json").read_text())
    assert manifest["sessions"][0]["where"] == f"Dask cluster {cluster.address}"


def test_an_interrupted_sweep_on_a_cluster_goes_on_anywhere(cluster: Cluster, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start("--dask", cluster.address, "--out", str(out), task_s=0.3)
    until_s = time.monotonic() + 60
    while not list((out / "parts").glob("[!.]*")):
        assert time.monotonic() < until_s
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "tasks are kept" in complaints
    assert "Traceback" not in complaints
    kept = len(list((out / "parts").glob("[!.]*")))
    assert run_here("--out", str(out), task_s=0.3) == 0
    sessions = json.loads((out / "manifest.json").read_text())["sessions"]
    assert [session["tasks_done"] for session in sessions] == [kept, 15 - kept]


@pytest.mark.parametrize(
    ("address", "code", "expected"),
    [
        ("nonsense", 2, "--dask nonsense: must be the address of a scheduler, such as tcp://127.0.0.1:8786"),
        ("tcp://127.0.0.1:1", 1, "--dask tcp://127.0.0.1:1: no Dask scheduler answers there"),
    ],
)
def test_what_is_no_cluster_is_said_in_a_line(tmp_path: Path, address: str, code: int, expected: str) -> None:
    process = start("--dask", address, "--out", str(tmp_path / "out"))
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == code
    assert expected in complaints
    assert len(complaints.strip().splitlines()) == 1


def test_a_cluster_that_runs_other_code_is_refused(tmp_path: Path, cluster: Cluster) -> None:
    """The command's own code is other than the workers': one more file."""
    program = (
        "import sys\n"
        "import msgspec\n"
        "from simulations.results import provenance\n"
        "own = msgspec.structs.replace(provenance.code(), fingerprint='0' * 64)\n"
        "provenance.code = lambda: own\n"
        "from loopixmix.main import main\n"
        "main(sys.argv[1:])\n"
    )
    arguments = [
        "simulate",
        "run",
        "default",
        "--engine",
        "tests.worlds.toys:ENGINE",
        "--no-save",
        "--dask",
        cluster.address,
    ]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "runs other code (sources " in done.stderr
    assert "than this command (sources 000000000000, " in done.stderr


def test_a_worker_that_is_lost_is_made_up_for(cluster: Cluster, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start("--dask", cluster.address, "--out", str(out), task_s=0.2)
    until_s = time.monotonic() + 60
    while not list((out / "parts").glob("[!.]*")):
        assert time.monotonic() < until_s
        time.sleep(0.05)
    cluster.processes[1].kill()
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 0, complaints
    assert json.loads((out / "manifest.json").read_text())["tasks_done"] == 15


def test_a_scheduler_that_is_lost_is_said_in_a_line_and_what_is_done_is_kept(cluster: Cluster, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start("--dask", cluster.address, "--out", str(out), task_s=0.5)
    until_s = time.monotonic() + 60
    while not list((out / "parts").glob("[!.]*")):
        assert time.monotonic() < until_s
        time.sleep(0.05)
    cluster.processes[0].kill()
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 1
    kept = len(list((out / "parts").glob("[!.]*")))
    lines = [line for line in complaints.splitlines() if line]
    assert lines == [
        f"loopixmix: --dask {cluster.address}: the scheduler is gone; {kept} of 15 tasks are kept in {out}; "
        "the same command goes on"
    ]
