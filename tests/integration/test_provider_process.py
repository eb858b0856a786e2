"""A provider as its own process, over real links: invitations, mail, kill -9, the operator's hand, and the clock."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import AsyncIterator

import pytest
import pytest_twisted
from scipy import stats
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from loopixmix.sphinx import open_reply
from loopixmix.wire import Frame, Item, ItemKind, Pull, RegisterRefusal, RegisterRefused
from tests.worlds.networks.provider_processes import (
    NODES,
    LinkedClient,
    ProviderProcesses,
    command,
    member,
    pause,
)

MARK = "marked-secret"


@pytest_twisted.async_yield_fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ProviderProcesses]:
    made = ProviderProcesses(tmp_path_factory.mktemp("provider"))
    made.init()
    for name in NODES:
        made.start(name)
    try:
        await made.all_healthy()
        yield made
    finally:
        await made.stop()


@pytest_twisted.ensureDeferred
async def test_who_is_invited_registers_sends_and_receives(world: ProviderProcesses) -> None:
    stranger = world.client("stranger")
    assert await stranger.register("") == RegisterRefused(RegisterRefusal.BAD_INVITATION)
    alice = await member(world, "alice")
    alice.hand.deliver(alice.hand.id, MARK.encode(), exit=alice.home.id)
    message, reply = sorted(await alice.collect(2), key=lambda item: item.kind)
    assert (message.kind, message.body.rstrip(b"\0")) == (ItemKind.MESSAGE, MARK.encode())
    sphinx = alice.hand.world.packet_format.sphinx
    assert open_reply(alice.hand.surbs[reply.surb_id], reply.body, sphinx=sphinx) == b""


@pytest_twisted.ensureDeferred
async def test_what_was_acknowledged_survives_kill_9(world: ProviderProcesses) -> None:
    bob = await member(world, "bob")
    for number in range(5):
        bob.hand.deliver(bob.hand.id, b"%d" % number, exit=bob.home.id)
    given = await bob.collect(10)
    messages = [item for item in given if item.kind is ItemKind.MESSAGE]
    assert sum(item.kind is ItemKind.REPLY for item in given) == 5
    safe = [item.item_id for item in given if item.kind is ItemKind.REPLY]
    await bob.pull((messages[0].item_id, *safe))
    await pause(0.2)
    world.end("provider", signal.SIGKILL)
    await world.until(lambda: not bob.hand.network.is_open(bob.home.id))
    world.start("provider")
    await world.all_healthy()
    again = await bob.collect(4)
    assert {item.body for item in again} == {item.body for item in messages[1:]}
    assert {item.item_id for item in again} == {item.item_id for item in messages[1:]}


@pytest_twisted.ensureDeferred
async def test_the_operator_removes_an_account_of_the_running_provider(world: ProviderProcesses) -> None:
    carol = await member(world, "carol")
    assert len(await carol.pull()) == world.document.params.pull_batch
    listed = json.loads(command("provider", "accounts", "list", world.at("provider"), "--json"))
    assert carol.hand.id.hex() in {account["identity"] for account in listed["accounts"]}
    command("provider", "accounts", "remove", world.at("provider"), "carol", "--yes")
    await carol.pull()
    [answer] = await carol.ask(Pull(1, ()), answers=1)
    assert answer == RegisterRefused(RegisterRefusal.NOT_REGISTERED)


@pytest_twisted.ensureDeferred
async def test_the_time_of_an_answer_does_not_tell_whether_there_is_mail(world: ProviderProcesses) -> None:
    """H0: answers to pulls from a full and an empty mailbox take equally long. Two-sided Mann-Whitney test.

    n = 2 x 40, one after the other in turn; false-alarm rate 1e-4.
    """
    full, empty = await member(world, "dora"), await member(world, "erna")
    batch = world.document.params.pull_batch
    for number in range(40 * batch):
        if number % 60 == 59:
            await pause(0.5)
        full.hand.deliver(full.hand.id, b"%d" % number, exit=full.home.id, acknowledge=False)
    await world.until(lambda: world.items_of("dora") == 40 * batch)
    took_s: dict[str, list[float]] = {"full": [], "empty": []}
    mail = 0
    for _ in range(40):
        for name, client in (("full", full), ("empty", empty)):
            start_s = time.perf_counter()
            frames = await answer_of(client, batch)
            took_s[name].append(time.perf_counter() - start_s)
            mail += sum(frame.kind is not ItemKind.DUMMY for frame in frames if name == "full")
            assert len(frames) == batch
    assert mail == 40 * batch, "the full mailbox was full"
    assert stats.mannwhitneyu(took_s["full"], took_s["empty"]).pvalue > 1e-4


async def answer_of(client: LinkedClient, count: int) -> list[Item]:
    """Pull, and return the items as soon as the last one is there."""
    done: Deferred[None] = Deferred()
    client.hand.frames = Arrivals(count, done)
    client.hand.send(Pull(client.hand.rng.getrandbits(64), ()))
    await done
    return [frame for frame in client.hand.frames if isinstance(frame, Item)]


class Arrivals(list[Frame]):
    """Frames as they come; tells when there are enough."""

    def __init__(self, count: int, done: Deferred[None]) -> None:
        super().__init__()
        self._count = count
        self._done = done

    def __iadd__(self, more: list[Frame]) -> Arrivals:  # type: ignore[misc, override]
        before = len(self)
        self.extend(more)
        if before < self._count <= len(self):
            reactor.callLater(0, self._done.callback, None)
        return self


@pytest_twisted.ensureDeferred
async def test_a_provider_says_how_it_is_and_ends_in_peace(world: ProviderProcesses) -> None:
    status = json.loads(command("provider", "status", world.at("provider"), "--json"))
    assert status["role"] == "provider"
    assert status["extra"]["services"] == "echo keys loop"
    assert status["extra"]["accounts"] >= 2
    assert status["dropped"].get("rate_limited", 0) == 0
    assert world.end("provider", signal.SIGTERM) == 0
    log = world.log("provider")
    assert "Traceback" not in log
    assert MARK not in log
