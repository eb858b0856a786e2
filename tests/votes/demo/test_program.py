from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from rich.console import Console

from loopixmix.errors import MisuseError, UnavailableError
from loopixmix.testnet.network import TestNetwork
from votes.cli.outside import PerformOnce, VoteOutside
from votes.demo.folders import DemoFolders
from votes.demo.network import DemoSize
from votes.demo.program import demonstrate

SIZE = DemoSize(voters=2, base_port=21_100)


def outside(perform: PerformOnce) -> VoteOutside:
    return VoteOutside(
        rng=random.Random(1),
        now_s=lambda: 0.0,
        pause=lambda _: None,
        perform=perform,
        command=(),
        become=lambda _: None,
    )


def test_a_folder_that_is_too_deep_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)
    with pytest.raises(MisuseError, match="the path of this folder may have at most"):
        demonstrate(deep, SIZE, Console(file=io.StringIO()), outside(lambda _: None))
    assert not deep.exists()


def test_whatever_happens_every_process_is_stopped(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("d")
    performed: list[object] = []

    def fail(work: object) -> None:
        # The network is there, and does not run yet.
        performed.append(work)
        assert TestNetwork(DemoFolders(root).network).names
        raise UnavailableError("the machine is tired")

    screen = io.StringIO()
    with pytest.raises(UnavailableError, match="the machine is tired"):
        demonstrate(root, SIZE, Console(file=screen, width=200), outside(fail))
    assert len(performed) == 1
    assert "stopping every process" in screen.getvalue()
    assert TestNetwork(DemoFolders(root).network).processes.running() == {}
