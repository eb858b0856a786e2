"""A provider is killed while its services carry out requests: nothing is carried out twice, whatever is sent again.

The service writes each request that it carries out into a file. It runs on the reactor. The answers of another one
block in threads, and its provider is stopped in the middle of them.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_twisted

from loopixmix.epoch import epoch_at
from loopixmix.requests.answers import AnswerPart, AnswerShare, RequestFailed, decode_answer
from loopixmix.requests.parts import RequestPart, request_content, request_head
from loopixmix.sphinx import open_reply
from loopixmix.wire import Item, ItemKind, Pull
from tests.worlds.networks.provider_processes import NODES, LinkedClient, ProviderProcesses, member, pause

SERVICES = """
import os, time
from twisted.internet.defer import Deferred

class Tally:
    name = "tally"

    def __init__(self, context):
        self.file = os.open(context.directory / "carried-out", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.clock = context.clock

    async def answer(self, body):
        os.write(self.file, body + b"\\n")
        done = Deferred()
        self.clock.callLater(0.3, done.callback, None)
        await done
        return b"counted " + body

class Sleeper:
    name = "sleeper"

    def __init__(self, context):
        pass

    def answer(self, body):
        time.sleep(float(body))
        return b"slept"
"""
ENTRY_POINTS = """
[loopixmix.services]
tally = toy_services:Tally
sleeper = toy_services:Sleeper
"""
REQUESTS = 30
SLEEP_S = 45.0


def install(site: Path) -> Path:
    """Install the toy services in a directory of their own."""
    information = site / "toys-1.0.dist-info"
    information.mkdir(parents=True)
    (site / "toy_services.py").write_text(SERVICES)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(ENTRY_POINTS)
    return site


@pytest_twisted.async_yield_fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ProviderProcesses]:
    directory = tmp_path_factory.mktemp("requests")
    made = ProviderProcesses(directory, services=("tally", "sleeper"), packages=install(directory / "site"))
    made.init()
    for name in NODES:
        made.start(name)
    try:
        await made.all_healthy()
        yield made
    finally:
        await made.stop()


class Asker:
    """Asks by parts made by hand; each request is sent again with the same id, on another path."""

    def __init__(self, world: ProviderProcesses, client: LinkedClient) -> None:
        self.world, self.client = world, client
        self.size = client.hand.world.packet_format.geometry
        self.parts: dict[bytes, tuple[str, RequestPart]] = {}
        self.blocks: dict[bytes, bytes] = {}
        self.answers: dict[bytes, list[AnswerPart]] = {}
        self.safe: tuple[int, ...] = ()

    def request(self, service: str, body: bytes) -> None:
        content = request_content(bytes(16), body)
        last_epoch = epoch_at(time.time(), self.world.document.params.epoch_length_s) + 1
        head = request_head(self.client.hand.rng.randbytes(16), content, last_epoch=last_epoch, size=self.size)
        self.parts[body] = service, RequestPart(head, 0, content, blocks_end=1)

    def send(self, body: bytes) -> None:
        """Send a request, and ask for one share more than the last time: what was sent may have been lost."""
        known = set(self.client.hand.surbs)
        service, part = self.parts[body]
        self.parts[body] = service, msgspec.structs.replace(part, again=part.again + 1)
        self.client.hand.send_part(service, part, at=self.client.home.id)
        [surb_id] = set(self.client.hand.surbs) - known
        self.blocks[surb_id] = body

    async def collect(self) -> None:
        """Pull once, and open what came until now: a link that breaks loses a pull or its answer."""
        hand = self.client.hand
        hand.send(Pull(hand.rng.getrandbits(64), self.safe))
        await pause(0.05)
        items = [frame for frame in hand.frames if isinstance(frame, Item) and frame.kind is ItemKind.REPLY]
        hand.frames.clear()
        self.safe = tuple(item.item_id for item in items)
        for item in items:
            keys = self.client.hand.surbs.pop(item.surb_id, None)
            if keys is not None:
                payload = open_reply(keys, item.body, sphinx=self.client.hand.world.packet_format.sphinx)
                said = self.answers.setdefault(self.blocks[item.surb_id], [])
                said.append(decode_answer(payload, self.size))

    async def collect_until(self, count: int, *, timeout_s: float = 15.0) -> None:
        deadline_s = time.monotonic() + timeout_s
        while len(self.answers) < count:
            assert time.monotonic() < deadline_s, self.world.log("provider")
            await self.collect()

    async def ask_all(self, bodies: list[bytes]) -> dict[bytes, AnswerPart]:
        """Send all again until each has been answered, as clients do; return the first answer to each."""
        self.answers.clear()
        for _ in range(8):
            for body in bodies:
                if body not in self.answers:
                    self.send(body)
            again_s = time.monotonic() + 4.0
            while len(self.answers) < len(bodies) and time.monotonic() < again_s:
                await self.collect()
        return {body: said[0] for body, said in self.answers.items()}


def carried_out(world: ProviderProcesses) -> Counter[str]:
    return Counter((world.directory / "provider/services/tally/carried-out").read_text().split())


async def kill_and_start(world: ProviderProcesses, client: LinkedClient) -> None:
    world.end("provider", signal.SIGKILL)
    await world.until(lambda: not client.hand.network.is_open(client.home.id))
    world.start("provider")
    await world.all_healthy()
    await world.until(lambda: client.hand.network.is_open(client.home.id))


@pytest_twisted.ensureDeferred
async def test_nothing_is_carried_out_twice_when_the_provider_is_killed(world: ProviderProcesses) -> None:
    client = await member(world, "alice")
    asker = Asker(world, client)
    bodies = [b"%d" % number for number in range(REQUESTS)]
    for body in bodies:
        asker.request("tally", body)
    # Some are answered when it is killed, some are being carried out, and some have not come yet.
    for body in bodies[:10]:
        asker.send(body)
    await asker.collect_until(5)
    for body in bodies[10:]:
        asker.send(body)
        await pause(0.02)
    await world.until(lambda: len(carried_out(world)) > 15)
    await kill_and_start(world, client)
    answered_before = {body: said[0] for body, said in asker.answers.items()}
    answered = await asker.ask_all(bodies)
    executed = carried_out(world)
    assert set(executed.values()) == {1}
    outcomes = Counter(type(said) for said in answered.values())
    assert outcomes[AnswerShare] + outcomes[RequestFailed] == REQUESTS
    assert outcomes[RequestFailed] >= 1, "the kill came while none was under way: the test is void"
    for body, said in answered.items():
        if isinstance(said, AnswerShare):
            assert said.share == b"counted " + body
            assert executed[body.decode()] == 1
    for body, said in answered_before.items():
        assert answered[body] == said
    # Once more: what has failed stays so, and all answers are those of the disk.
    await kill_and_start(world, client)
    again = await asker.ask_all(bodies)
    assert again.keys() == answered.keys()
    assert {body: type(said) for body, said in again.items()} == {body: type(said) for body, said in answered.items()}
    assert carried_out(world) == executed


@pytest_twisted.ensureDeferred
async def test_a_service_that_sleeps_stops_neither_packets_nor_the_provider_s_end(world: ProviderProcesses) -> None:
    client = await member(world, "bob")
    asker = Asker(world, client)
    for number in range(4):
        asker.request("sleeper", b"%d.%d" % (SLEEP_S, number))
        asker.send(b"%d.%d" % (SLEEP_S, number))
    await world.until(lambda: "4 under way" in str(getattr(world.status("provider"), "extra", {})))
    asker.request("tally", b"beside")
    asker.send(b"beside")
    await asker.collect_until(1, timeout_s=15)
    assert set(asker.answers) == {b"beside"}
    assert world.is_healthy("provider")
    begin_s = time.monotonic()
    assert world.end("provider", signal.SIGTERM) == 0
    assert time.monotonic() - begin_s < 15
    assert "Traceback" not in world.log("provider")
    # Tests can be run in any order.
    world.start("provider")
    await world.all_healthy()
