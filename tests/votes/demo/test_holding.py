from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater

from client.testing import wait_for
from loopixmix.errors import UnavailableError
from loopixmix.group.ristretto import ristretto255
from loopixmix.progress import Steps
from loopixmix.testnet.story import Story
from tests.worlds.party_commands import RecordedCommands
from votes.demo.folders import DemoFolders
from votes.demo.holding import START_WITHIN_S, DemoStage, hold
from votes.demo.network import DemoSize
from votes.demo.voters import VotersOutside


class SlowNetwork:
    """A network of which one node never is ready."""

    names = ("provider-1", "mix-1")

    def __init__(self) -> None:
        self.was_started = False

    def start(self) -> None:
        self.was_started = True

    def ready(self) -> set[str]:
        return {"provider-1"}


class Stage:
    """An election on a network that does not come up, at a clock of the test."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.commands, self.network = RecordedCommands(), SlowNetwork()
        self.screen = io.StringIO()
        console = Console(file=self.screen, width=200)
        outside: Any = VotersOutside(None, self.clock, random.Random(1), self.pause)  # type: ignore[arg-type]
        network: Any = self.network
        commands: Any = self.commands
        story = Story(console, Steps(console))
        self.stage = DemoStage(network, DemoFolders(path), DemoSize(voters=2), ristretto255(), commands, story, outside)

    def pause(self, seconds: float) -> Deferred[None]:
        return deferLater(self.clock, seconds, lambda: None)  # type: ignore[arg-type]


def test_a_node_that_does_not_come_up_is_named_and_ends_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    with pytest.raises(UnavailableError, match=f"mix-1 is not ready after {START_WITHIN_S:g} s"):
        wait_for(hold(stage.stage), stage.clock, within_s=1_000)
    assert stage.network.was_started
    # Nothing was frozen for a network that is not there.
    assert "admin freeze" not in stage.commands.names()
    assert "1. The parties, each with keys of its own" in stage.screen.getvalue()
    assert "2. The network" in stage.screen.getvalue()


def test_a_party_that_fails_ends_it_before_the_network_is_started(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.commands.failing = ("board", "init")
    with pytest.raises(UnavailableError, match="board init failed"):
        wait_for(hold(stage.stage), stage.clock, within_s=1_000)
    assert not stage.network.was_started
