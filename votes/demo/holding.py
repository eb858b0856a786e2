"""The whole story, in its order: parties, network, key, voting, mixing, decryption, result, verification."""

from __future__ import annotations

import time
from dataclasses import dataclass

import msgspec
import psutil

from loopixmix.errors import UnavailableError
from loopixmix.group.group import Group
from loopixmix.testnet.load import LoadWatch, NodeLoad
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.story import Story
from votes.administration.folder import RECORD
from votes.demo.choosing import POLLS, Intention, cast_ballots, intentions
from votes.demo.commands import PartyCommands
from votes.demo.folders import MIXERS, TRUSTEES, DemoFolders
from votes.demo.judging import Events
from votes.demo.network import BOARDS_PROVIDER, DemoSize, stop_voters
from votes.demo.preparing import BOARD, Invited, Preparation
from votes.demo.tallying import AUDITOR, Tally
from votes.demo.telling import chart_lines
from votes.demo.voters import Electorate, Turnout, VotersOutside, connected_clients
from votes.record.phases import Phase
from votes.voting.concurrency import together

START_WITHIN_S, POLL_S = 90.0, 0.3
OPEN_S = 120
"""From the plan to the close: the key and the invitations take a quarter of it, where nothing else runs. Ballots leave
until `votes/demo/voters.py::MARGIN_S` before the close."""
PACE = 4.0
"""So many times as long as the parties' introduction took is added, because all takes longer on a busy machine."""
CLOSE_WITHIN_S = 30.0
WATCH_S = 2
TRUSTEE_NUMBERS = range(1, len(TRUSTEES) + 1)


class _Told(msgspec.Struct):
    """The part of the board's status that is looked at."""

    phase: str | None = None


@dataclass(frozen=True)
class DemoStage:
    """What an election is held with. The network was made, and does not run yet."""

    network: TestNetwork
    folders: DemoFolders
    size: DemoSize
    group: Group
    commands: PartyCommands
    story: Story
    outside: VotersOutside


async def hold(stage: DemoStage) -> Events:
    """Hold the election, tell it, and return what happened. Raises the first error that ends it."""
    story, preparation = stage.story, Preparation(stage.folders, stage.commands, stage.story, stage.size)
    story.chapter("The parties, each with keys of its own")
    began_s = stage.outside.clock.seconds()
    await preparation.introduce()
    await preparation.place_board()
    # A slow machine gets more time: the dates are in the record, which is frozen long before the first ballot.
    pace_s = stage.outside.clock.seconds() - began_s
    story.chapter("The network")
    await _start(stage)
    outside = stage.outside
    clients = connected_clients(stage.folders, stage.size, reactor=outside.reactor, rng=outside.rng)
    electorate = Electorate(outside, stage.group, stage.folders, stage.size, clients)
    try:
        await _open_accounts(stage, electorate)
        story.chapter("The record, which nobody can change any more")
        opens_at_s = int(stage.outside.clock.seconds())
        closes_at_s = opens_at_s + int(PACE * pace_s) + OPEN_S
        await preparation.freeze(opens_at_s, closes_at_s)
        invited = await preparation.open()
        intended = intentions(stage.size.voters, stage.outside.rng)
        story.chapter("The vote")
        voted: list[tuple[Turnout, NodeLoad]] = []

        async def vote() -> None:
            voted.append(await _vote(stage, electorate, invited, intended))
            await _until_closed(stage, closes_at_s)

        await together(vote(), _watch(stage, preparation.url))
    finally:
        for client in clients.values():
            client.close()
    # What is left to do is between the board and those who count.
    stop_voters(stage.network)
    story.tell("voters", "left; their clients are stopped")
    return await _tally(stage, preparation.url, intended, *voted[0])


async def _start(stage: DemoStage) -> None:
    network, story = stage.network, stage.story
    story.steps.step("starting the network, each node a process", len(network.names))
    network.start()
    deadline_s = stage.outside.clock.seconds() + START_WITHIN_S
    # Not `wait_until_healthy`: it blocks, and ctrl-C would wait for it.
    while len(ready := network.ready()) < len(network.names):
        story.steps.done(len(ready))
        if stage.outside.clock.seconds() > deadline_s:
            late = next(name for name in network.names if name not in ready)
            raise UnavailableError(f"{late} is not ready after {START_WITHIN_S:g} s")
        await stage.outside.pause(POLL_S)
    story.steps.finish()
    params, size = network.plan.params, stage.size
    story.tell("network", f"{params.layers} layers of {network.plan.width} mixes, {network.plan.providers} providers")
    story.tell(
        "voters' clients",
        f"{size.voters} identities in {size.processes} processes; each sends {params.streams_per_s:.1f} packets and "
        f"pulls {params.pulled_per_s:.1f} items per second, whatever its voter does",
    )
    story.tell(BOARD, f"runs beside provider-{BOARDS_PROVIDER}, as a process of its own")


async def _open_accounts(stage: DemoStage, electorate: Electorate) -> None:
    stage.story.steps.step("the voters' clients open accounts without names", stage.size.voters)
    await electorate.open_accounts(stage.story.steps.done)
    stage.story.steps.finish()
    stage.story.tell("voters", f"{stage.size.voters} are guests, none at the board's provider")


async def _vote(
    stage: DemoStage, electorate: Electorate, invited: list[Invited], intended: list[Intention]
) -> tuple[Turnout, NodeLoad]:
    story, size = stage.story, stage.size
    story.steps.step(f"{size.voters} voters cast at random times, and wait for their receipts", size.voters)
    running = stage.network.processes.running()
    watch = LoadWatch({node.name: running[node.name] for node in stage.network.nodes}, time.monotonic)
    await together(electorate.vote(invited, intended, story.steps.done), _prepare(stage))
    turnout = electorate.turnout
    load = watch.end(psutil.cpu_count() or 1)
    story.steps.finish()
    twice = sum(len(each.ballots) > 1 for each in intended)
    story.tell("voters", f"cast {cast_ballots(intended)} ballots; {twice} voted twice, and their last ballot counts")
    story.tell("voters", f"{turnout.challenged} had a ballot opened first, to see whether their machine lies")
    story.tell("voters", f"{turnout.receipts} receipts came; {turnout.found} ballots were then found on the board")
    for problem in turnout.problems[:5]:
        story.caught("voters", problem)
    story.tell("mixers", "prepared meanwhile what needs no ballots")
    story.tell("nodes", f"the busiest took {load.highest:.0%} of a core, all {load.of_machine:.0%} of the machine")
    return turnout, load


async def _watch(stage: DemoStage, url: str) -> None:
    """Let the trustees check ballots while they come, until the election closes."""
    folders, run = stage.folders, stage.commands.run
    words = [(folders.trustee(number), url, folders.published(f"trustee-{number}")) for number in TRUSTEE_NUMBERS]
    told = await together(*(run("trustee", "watch", *each, "--every-s", WATCH_S) for each in words))
    checked = {each.strip().splitlines()[-1].partition(";")[0] for each in told}
    stage.story.tell("trustees", f"watched meanwhile: {', '.join(sorted(checked))}")


async def _prepare(stage: DemoStage) -> None:
    record = stage.folders.administrator / RECORD
    for number in range(len(MIXERS)):
        await stage.commands.run("mixer", "prepare", stage.folders.mixer(number), record)


async def _until_closed(stage: DemoStage, closes_at_s: int) -> None:
    now_s = stage.outside.clock.seconds()
    left = max(1, closes_at_s - int(now_s))
    stage.story.steps.step("waiting until the election closes", left)
    while _phase(stage) is not Phase.CLOSED:
        now_s = stage.outside.clock.seconds()
        if now_s > closes_at_s + CLOSE_WITHIN_S:
            raise UnavailableError(f"the board has not closed the election {CLOSE_WITHIN_S:g} s after its end")
        stage.story.steps.done(min(left, left - int(closes_at_s - now_s)))
        await stage.outside.pause(POLL_S)
    stage.story.steps.finish()
    stage.story.tell(BOARD, "closed the election by its clock; no ballot is taken any more")


def _phase(stage: DemoStage) -> Phase | None:
    told = msgspec.json.decode((stage.folders.board / "status.json").read_bytes(), type=_Told)
    return None if told.phase is None else Phase(told.phase)


async def _tally(stage: DemoStage, url: str, intended: list[Intention], turnout: Turnout, load: NodeLoad) -> Events:
    story = stage.story
    tally = Tally(stage.folders, stage.commands, story, url=url, group=stage.group)
    story.chapter("Mixing: from here on nobody knows whose ballot is whose")
    refused = await tally.mix()
    story.chapter("Decryption")
    await tally.decrypt()
    story.chapter("The result")
    result = await tally.publish()
    story.show(*chart_lines(result, {str(poll["id"]): str(poll["title"]) for poll in POLLS}))
    story.chapter("Verification, by somebody who believes nobody")
    audit = await tally.audit()
    if audit.verdict.passed:
        story.tell(AUDITOR, "the result is that of the ballots on the board, whoever ran mixers, trustees and board")
    return Events(intended=intended, turnout=turnout, load=load, refused=refused, result=result, audit=audit)
