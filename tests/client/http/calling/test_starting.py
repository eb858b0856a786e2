"""Starting a daemon: whether one that was started still runs is asked of the lock that it holds."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from client.api import NotRunningError
from client.directory.configuration import CONFIG_FILE, create_client
from client.http.calling.starting import GIVE_UP_S, DaemonStart
from client.http.endpoint import STARTING_FILE
from loopixmix.process.files import lock_holder
from tests.integration.test_starting import TRUST_ROOT


def test_a_daemon_that_ended_does_not_seem_to_run_because_another_process_has_its_number(tmp_path: Path) -> None:
    (tmp_path / "network.toml").write_text(TRUST_ROOT)
    directory, lock = tmp_path / "alice", tmp_path / "alice" / STARTING_FILE
    create_client(directory, network=tmp_path / "network.toml", api_port=0, rng=random.Random(13))
    (directory / CONFIG_FILE).write_text("no = 'configuration'\n")
    starting = DaemonStart(directory, within_s=300.0)
    starting.begin(network=None, rng=random.Random(13))
    assert lock_holder(lock) is not None
    # A second program that starts it in the same moment waits for the same daemon.
    DaemonStart(directory, within_s=300.0).begin(network=None, rng=random.Random(13))
    while lock_holder(lock) is not None:
        time.sleep(0.05)
    lock.write_text(f"{os.getpid()}\n")
    starting.check()
    time.sleep(GIVE_UP_S)
    with pytest.raises(NotRunningError, match="alice ended: "):
        starting.check()
