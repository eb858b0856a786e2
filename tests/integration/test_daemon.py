"""The client daemon as a process: how it starts, what it says if it cannot, how it ends."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds.clients.fake_daemons import TRUST_ROOT
from tests.worlds.commands import command_text

ON_A_COMPUTER_WHOSE_CLOCK_CAN_BE_SET = """
import os, time
real = time.time
time.time = lambda: real() - 3600 * os.path.exists("set-back")
from loopixmix.main import main
main()
"""
ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"}


class Daemons:
    """A client's directory, commands in it, and the daemons that were started."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = root / "alice"
        self.started: list[subprocess.Popen[str]] = []
        (root / "network.toml").write_text(TRUST_ROOT)
        assert self.run("init", "alice", "--network", "network.toml").returncode == 0

    def line(self, *arguments: str) -> list[str]:
        return [sys.executable, "-P", "-m", "loopixmix.main", "client", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return command_text("client", *arguments, directory=self.root)

    def start(self) -> subprocess.Popen[str]:
        (self.directory / "api.url").unlink(missing_ok=True)
        process = subprocess.Popen(
            self.line("run", "alice"), cwd=self.root, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
        )
        self.started.append(process)
        deadline_s = time.monotonic() + 30
        while not (self.directory / "api.url").exists():
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        port = int((self.directory / "api.url").read_text().rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 421")  # it answers, so that it runs
        return process

    def fails_to_start(self) -> str:
        failed = self.run("run", "alice")
        assert failed.returncode == 2
        assert failed.stderr.count("\n") == 1, failed.stderr
        return failed.stderr


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[Daemons]:
    made = Daemons(tmp_path)
    yield made
    for process in made.started:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def test_without_a_network_it_runs_and_says_what_is_wrong(daemons: Daemons) -> None:
    config = daemons.directory / "client.toml"
    config.write_text(config.read_text().replace('level = "info"', 'level = "debug"'))
    process = daemons.start()
    status = json.loads(daemons.run("status", "alice", "--json").stdout)
    assert (status["registered"], status["connected"]) == (False, False)
    assert status["problem"].startswith("no network document yet")
    refused = daemons.run("send", "alice", "marked@address", "marked-body")
    assert (refused.returncode, refused.stderr) == (
        2,
        "loopixmix: this client has no account yet: register first (loopixmix client network DIR lists the "
        "providers and their services)\n",
    )
    assert daemons.fails_to_start() == f"loopixmix: alice: is in use by process {process.pid}\n"
    process.terminate()
    _, logged = process.communicate(timeout=30)
    assert "local API" in logged
    assert "marked" not in logged
    assert (daemons.directory / "api.token").read_text().strip() not in logged


def test_a_port_in_use_is_told_and_nothing_stays_locked(daemons: Daemons) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = daemons.directory / "client.toml"
        config.write_text(config.read_text().replace("port = 0", f"port = {port}"))
        assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in daemons.fails_to_start()
    daemons.start()
    assert (daemons.directory / "api.url").read_text() == f"http://127.0.0.1:{port}\n"


def test_a_damaged_store_is_told(daemons: Daemons) -> None:
    (daemons.directory / "client.db").write_bytes(b"this is no database" * 1000)
    assert "alice/client.db" in daemons.fails_to_start()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
def test_it_ends_cleanly(daemons: Daemons, ending: signal.Signals) -> None:
    process = daemons.start()
    process.send_signal(ending)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in told
    assert not (daemons.directory / "api.url").exists()


def test_it_is_stopped_by_a_command(daemons: Daemons) -> None:
    assert daemons.run("stop", "alice").stderr == (
        "loopixmix: the client of alice is not running: there is nothing to stop\n"
    )
    assert daemons.run("stop", "nowhere").returncode == 2
    process = daemons.start()
    shutil.copytree(daemons.directory, daemons.root / "copy")
    # The copy has the address and the token of the daemon of the original, and must not speak for it.
    for command in ("stop", "status"):
        refused = daemons.run(command, "copy")
        assert (refused.returncode, "the client of copy is not running" in refused.stderr) == (1, True)
    assert daemons.run("status", "alice", "--check").returncode == 1  # it has no network
    assert daemons.run("stop", "alice").stdout == "the client of alice has ended\n"
    assert process.wait(timeout=30) == 0


class DeafAuthority:
    """Takes connections, counts them and closes them at once."""

    def __init__(self) -> None:
        self.asked = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def wait(self, asked: int) -> None:
        deadline_s = time.monotonic() + 20
        while self.asked < asked:
            assert time.monotonic() < deadline_s, f"asked {self.asked} times"
            time.sleep(0.02)

    def stop(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._listening.accept()[0].close()
                self.asked += 1


def test_a_clock_set_back_by_an_hour_does_not_silence_it(daemons: Daemons) -> None:
    """It has no network document, so it asks for one every second or so; it must not wait an hour to ask again."""
    authority = DeafAuthority()
    network = TRUST_ROOT.replace("127.0.0.1:9", f"127.0.0.1:{authority.port}")
    (daemons.directory / "network.toml").write_text(f"epoch_length_s = 10\n{network}")
    line = [sys.executable, "-P", "-c", ON_A_COMPUTER_WHOSE_CLOCK_CAN_BE_SET, "client", "run", "alice"]
    daemons.started.append(subprocess.Popen(line, cwd=daemons.root, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True))
    try:
        authority.wait(2)
        time.sleep(0.1)  # until it waits to ask again
        (daemons.root / "set-back").touch()
        authority.wait(authority.asked + 4)
    finally:
        authority.stop()


def test_after_a_crash_it_is_not_running_and_starts_again(daemons: Daemons) -> None:
    daemons.start().kill()
    daemons.started[0].communicate()
    token = (daemons.directory / "api.token").read_text()
    told = daemons.run("status", "alice")
    assert (told.returncode, told.stderr.count("\n")) == (1, 1)
    assert "is not running" in told.stderr
    daemons.start()
    assert daemons.run("status", "alice").returncode == 0
    # Who had the port in between may have been shown the old one.
    assert (daemons.directory / "api.token").read_text() != token
