"""A real Dask cluster: a scheduler and two workers, as processes on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


class Cluster:
    """A scheduler and two workers with a thread each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        found = folder / "scheduler.json"
        self._start("dask_scheduler", "--port", "0", "--scheduler-file", str(found), "--no-dashboard")
        self._wait(found.exists)
        self.address: str = json.loads(found.read_text())["address"]
        for _ in range(2):
            directory = ("--local-directory", str(folder / "workers"))
            self._start("dask_worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", *directory)

    def _start(self, program: str, *arguments: str) -> None:
        command = [sys.executable, "-P", "-m", f"distributed.cli.{program}", "--host", "127.0.0.1", *arguments]
        with (self._folder / f"{program}-{len(self.processes)}.log").open("wb") as log:
            self.processes.append(subprocess.Popen(command, env=ENVIRONMENT, stdout=log, stderr=log))

    def _wait(self, ready: object) -> None:
        until_s = time.monotonic() + 60
        assert callable(ready)
        while not ready():
            assert time.monotonic() < until_s, "the cluster did not start"
            time.sleep(0.05)

    def wait_for_workers(self) -> None:
        logs = [self._folder / f"dask_worker-{number}.log" for number in (1, 2)]
        self._wait(lambda: all(log.exists() and "Registered to" in log.read_text() for log in logs))

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait(timeout=20)
