"""A mix as its operator sees it from outside: its directory, a copy of it, and a process that answers no more."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopixmix.authority.config import trust_root_toml
from loopixmix.main import run
from loopixmix.observing.status import STALE_AFTER_S, read_status
from tests.integration.test_mix_process import free_port
from tests.worlds.networks.models import model_network


@pytest.fixture
def mix(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """A mix that runs, started by somebody without a umask; its authority does not."""
    network, directory = tmp_path / "network.toml", tmp_path / "mix1"
    network.write_text(trust_root_toml(model_network(random.Random(1)).trust_root))
    listen = f"127.0.0.1:{free_port()}"
    assert run(["mix", "init", str(directory), "--name", "mix1", "--listen", listen, "--network", str(network)]) == 0
    config = directory / "node.toml"
    text = config.read_text().replace("[metrics]", f'[metrics]\nlisten = "127.0.0.1:{free_port()}"')
    config.write_text(text.replace('\nlisten = ""', "").replace('level = "info"', 'level = "debug"'))
    with (tmp_path / "log").open("wb") as log:
        command = [sys.executable, "-P", "-m", "loopixmix.main", "mix", "run", str(directory)]
        process = subprocess.Popen(command, stderr=log, umask=0)
    deadline_s = time.monotonic() + 30
    while read_status(directory) is None:
        assert time.monotonic() < deadline_s, (tmp_path / "log").read_text()
        time.sleep(0.05)
    yield directory, process
    process.kill()
    process.wait()


def status(directory: Path, *options: str) -> int:
    return run(["mix", "status", str(directory), *options])


def test_the_status_is_that_of_the_process_in_the_directory_and_of_no_other(
    mix: tuple[Path, subprocess.Popen[bytes]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory, process = mix
    assert (status(directory), status(directory, "--check")) == (0, 1)
    assert "mix1: no network document yet" in capsys.readouterr().out
    copy = tmp_path / "copy"
    shutil.copytree(directory, copy)
    assert (status(copy), run(["mix", "withdraw", str(copy)])) == (1, 1)
    assert capsys.readouterr().err.count(f"{copy}: no node runs here") == 2

    process.send_signal(signal.SIGSTOP)
    time.sleep(STALE_AFTER_S + 1.5)
    assert (status(directory), status(directory, "--json"), status(directory, "--check")) == (1, 1, 1)
    assert "not answering for" in capsys.readouterr().out
    process.send_signal(signal.SIGCONT)
    time.sleep(1.5)
    assert status(directory) == 0

    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    assert status(directory) == 1
    others = [path for path in [directory, *directory.rglob("*")] if path.stat().st_mode & 0o077]
    assert [path.name for path in others] == ["network.toml"]  # which is for everybody
    log = (tmp_path / "log").read_text()
    assert "metrics on http://" in log
    assert " object at 0x" not in log
