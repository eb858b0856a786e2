"""The demonstration from its first process to its last: whatever happens, everything is stopped in the end."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

import psutil
from rich.console import Console

from loopixmix.process.wallclock import WallClock
from loopixmix.progress import Steps
from loopixmix.seams import Rng
from loopixmix.testnet.memory import MemoryWatch
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.story import Story
from loopixmix.verdict import Check, Verdict, verdict
from provider.serving.sockets import check_room
from stats.demo.holding import SurveyEvents, SurveyStage, hold_survey
from stats.demo.judging import cost_checks, survey_checks, survey_figures
from stats.demo.network import DemoScale, SurveyFolders, make_survey_network
from stats.demo.people import PeopleOutside

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime
    from twisted.internet.posixbase import PosixReactorBase

MB = 1e6

Perform: TypeAlias = "Callable[[Callable[[PosixReactorBase], Awaitable[None]]], None]"


def demonstrate_survey(root: Path, scale: DemoScale, console: Console, *, rng: Rng, perform: Perform) -> Verdict:
    """Hold the survey in the folder `root`, and judge it. Raises what ended it; nothing is left running then, too.

    `perform`: does some work on a reactor that runs only for it.
    """
    begin_s = time.monotonic()
    folders = SurveyFolders(root)
    for socket in (folders.issuer / "issuer.sock", folders.collector / "collector.sock"):
        check_room(root, socket)
    with Steps(console) as steps:
        story = Story(console, steps)
        console.print(f"[bold]A survey on this machine[/]: {scale.people} people over a mix network of their own")
        steps.step("making the keys of the network's nodes and of all clients", 1)
        network = make_survey_network(scale, folders)
        steps.finish()
        with MemoryWatch(lambda: _processes(network)) as memory:
            events, left = _held(SurveyStage(network, folders, scale, story), rng, perform)
    took_s, memory_mb = time.monotonic() - begin_s, memory.most_bytes / MB
    checks = [*survey_checks(events), _nothing_left(left), *cost_checks(took_s, memory_mb)]
    return verdict(checks, survey_figures(events, took_s, memory_mb))


def _held(stage: SurveyStage, rng: Rng, perform: Perform) -> tuple[SurveyEvents, list[str]]:
    """Hold the survey; return what happened, and the names of the processes that would not end."""
    held: list[SurveyEvents] = []

    async def work(reactor: PosixReactorBase) -> None:
        from twisted.internet.task import deferLater

        # Before anything waits on the reactor, whose way of counting it changes.
        clock = WallClock(reactor)
        timer = cast("IReactorTime", reactor)
        world = PeopleOutside(reactor, clock, rng, lambda seconds: deferLater(timer, seconds, lambda: None))
        held.append(await hold_survey(stage, world))

    try:
        perform(work)
    except BaseException:
        stage.story.steps.fail()
        raise
    finally:
        stage.story.steps.step("stopping every process", 1)
        stage.network.stop()
        stage.story.steps.finish()
    return held[0], [*stage.network.processes.running()]


def _processes(network: TestNetwork) -> list[psutil.Process]:
    own = psutil.Process()
    return [own, *own.children(recursive=True), *network.processes.running().values()]


def _nothing_left(left: list[str]) -> Check:
    return Check(
        name="processes left running",
        passed=not left,
        value=", ".join(left) or "none",
        expected="none",
        detail="after all were stopped",
    )
