"""The demonstration from its first process to its last: whatever happens, everything is stopped in the end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import psutil
from rich.console import Console

from loopixmix.group.ristretto import ristretto255
from loopixmix.process.wallclock import WallClock
from loopixmix.progress import Steps
from loopixmix.testnet.memory import MemoryWatch
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.story import Story
from loopixmix.verdict import Check, Verdict, verdict
from provider.serving.sockets import check_room
from votes.administration.folder import RECORD
from votes.ballot.form import BallotForm, form_of
from votes.cli.outside import VoteOutside
from votes.demo.commands import PartyCommands, SpawningReactor
from votes.demo.folders import DemoFolders
from votes.demo.holding import DemoStage, hold
from votes.demo.judging import Events, checks_of, cost_checks, figures_of
from votes.demo.network import BOARD_SOCKET, DemoSize, make_network
from votes.demo.voters import VotersOutside
from votes.record.rules.reading import decode_election

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime
    from twisted.internet.posixbase import PosixReactorBase

MB = 1e6


def demonstrate(root: Path, size: DemoSize, console: Console, outside: VoteOutside) -> Verdict:
    """Hold the election in the folder `root`, and judge it. Raises what ended it; nothing is left running then, too."""
    begin_s = time.monotonic()
    folders = DemoFolders(root)
    check_room(root, folders.board / BOARD_SOCKET)
    with Steps(console) as steps:
        story = Story(console, steps)
        console.print(f"[bold]An election on this machine[/]: {size.voters} voters over a mix network of their own")
        steps.step("making the keys of the network's nodes and of all clients", 1)
        network = make_network(size, folders)
        steps.finish()
        with MemoryWatch(lambda: _processes(network)) as memory:
            events, left = _held(network, folders, size, story, outside)
    took_s, memory_mb = time.monotonic() - begin_s, memory.most_bytes / MB
    checks = [*checks_of(events, _form(folders)), _nothing_left(left), *cost_checks(took_s, memory_mb)]
    return verdict(checks, figures_of(events, took_s, memory_mb))


def _held(
    network: TestNetwork, folders: DemoFolders, size: DemoSize, story: Story, outside: VoteOutside
) -> tuple[Events, list[str]]:
    """Hold the election; return what happened, and the names of the processes that would not end."""
    commands: list[PartyCommands] = []
    held: list[Events] = []

    async def work(reactor: PosixReactorBase) -> None:
        from twisted.internet.task import deferLater

        # Before anything waits on the reactor, whose way of counting it changes.
        clock = WallClock(reactor)
        timer = cast("IReactorTime", reactor)
        commands.append(PartyCommands(cast(SpawningReactor, reactor)))
        world = VotersOutside(reactor, clock, outside.rng, lambda seconds: deferLater(timer, seconds, lambda: None))
        held.append(await hold(DemoStage(network, folders, size, ristretto255(), commands[0], story, world)))

    try:
        outside.perform(work)
    except BaseException:
        story.steps.fail()
        raise
    finally:
        for each in commands:
            each.kill()
        story.steps.step("stopping every process", 1)
        network.stop()
        story.steps.finish()
    return held[0], [*network.processes.running()]


def _processes(network: TestNetwork) -> list[psutil.Process]:
    own = psutil.Process()
    return [own, *own.children(recursive=True), *network.processes.running().values()]


def _form(folders: DemoFolders) -> BallotForm:
    group = ristretto255()
    return form_of(decode_election((folders.administrator / RECORD).read_bytes(), group), group)


def _nothing_left(left: list[str]) -> Check:
    return Check(
        name="processes left running",
        passed=not left,
        value=", ".join(left) or "none",
        expected="none",
        detail="after all were stopped",
    )
