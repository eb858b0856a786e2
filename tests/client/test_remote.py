"""The client over HTTP: the same contract as the fake one behind it, and what only a remote one can meet."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import LogEvent, globalLogPublisher

from client.api import (
    BadRequestError,
    Client,
    ForbiddenError,
    MessageState,
    MisuseError,
    NotRunningError,
    NumberedChange,
    ReceivedMessage,
)
from client.core.journal import JournalledClient
from client.http.calling.call import Query
from client.http.calling.caller import MOST_CALLS, EventReader
from client.http.endpoint import LOCK_FILE, Endpoint, find_endpoint
from client.http.messages import Event, Received
from client.http.serving.server import ApiServer
from client.remote import RemoteClient, has_sealed_store, require_sealed_store
from loopixmix.errors import ConfigError
from loopixmix.process.files import DirectoryLock
from loopixmix.web.calls import client_of
from tests.client.leaving.test_archive import new_client
from tests.worlds.clients.callbacks import CallbackContract, EventContract
from tests.worlds.clients.contract import ALICE, BOB, ClientContract, Reader, ReaderError, run_with, send
from tests.worlds.clients.fakes import FakeWorld
from tests.worlds.clients.memory_web import MemoryWeb
from tests.worlds.clients.refusals import RefusalContract

T = TypeVar("T")


class RemoteWorld:
    """Each fake client of a `FakeWorld` has a daemon's HTTP interface, all in memory."""

    def __init__(self, root: Path) -> None:
        self.fake = FakeWorld()
        self.clock = self.fake.clock
        self.web = MemoryWeb(self.clock)
        self.rng = random.Random(2)
        self.servers: dict[str, ApiServer] = {}
        self.remotes: list[RemoteClient] = []
        self.locks: list[DirectoryLock] = []
        self.root = root
        for name, client in (("alice", self.fake.alice), ("bob", self.fake.bob), ("stranger", self.fake.stranger)):
            (root / name).mkdir()
            self.locks.append(DirectoryLock(root / name / LOCK_FILE))
            self.locks[-1].acquire()
            self.start(name, client)
        self.alice, self.bob, self.stranger = (self.remote(name) for name in ("alice", "bob", "stranger"))

    def start(self, name: str, client: JournalledClient, *, port: int = 0) -> ApiServer:
        server = ApiServer(
            client, directory=self.root / name, port=port, sockets=self.web, clock=self.clock, rng=self.rng
        )
        server.start()
        self.servers[name] = server
        return server

    def remote(self, name: str) -> RemoteClient:
        directory = self.root / name
        kept = self.web.kept()
        remote = RemoteClient(
            http=kept.http,
            find_endpoint=lambda: find_endpoint(directory),
            clock=self.clock,
            rng=self.rng,
            on_close=kept.close,
        )
        self.remotes.append(remote)
        return remote

    def run(self, awaitable: Awaitable[T]) -> T:
        return run_with(awaitable, lambda: self.clock.advance(0.5))

    def pass_time(self) -> None:
        self.clock.pump([0.25] * 20)

    def now_s(self) -> float:
        return self.clock.seconds()

    def restart_alice(self, meanwhile: Callable[[], object]) -> None:
        self.run(self.servers["alice"].stop())
        self.pass_time()
        meanwhile()
        self.start("alice", self.fake.alice)

    def change_key_of_bob(self) -> None:
        self.fake.change_key_of_bob()

    def name_domain(self, domain: str, provider: str, gateway: str = "") -> None:
        self.fake.name_domain(domain, provider, gateway)

    def forget_domain(self, domain: str) -> None:
        self.fake.forget_domain(domain)

    def stop(self) -> None:
        for remote in self.remotes:
            remote.close()
        for server in self.servers.values():
            self.run(server.stop())
        self.fake.network.stop()
        self.clock.advance(0)
        for lock in self.locks:
            lock.release()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[RemoteWorld]:
    logged: list[LogEvent] = []
    globalLogPublisher.addObserver(logged.append)
    remote = RemoteWorld(tmp_path)
    try:
        yield remote
        remote.stop()
    finally:
        globalLogPublisher.removeObserver(logged.append)
    assert remote.clock.getDelayedCalls() == []
    failures = [event["log_failure"] for event in logged if "log_failure" in event]
    assert [failure for failure in failures if not failure.check(ReaderError)] == []


class TestRemoteClient(ClientContract, RefusalContract, CallbackContract, EventContract):
    """The contracts."""


def acquaint(world: RemoteWorld) -> None:
    world.run(world.alice.add_contact(BOB))
    world.run(world.bob.add_contact(ALICE))


def test_a_remote_client_is_a_client(world: RemoteWorld) -> None:
    client: Client = world.alice
    assert client


def test_a_daemon_that_is_not_there_is_told_so(world: RemoteWorld) -> None:
    world.run(world.servers["alice"].stop())
    with pytest.raises(NotRunningError, match="not running"):
        world.run(world.alice.status())


def test_asyncio_that_awaits_a_call_is_told_of_the_twin(world: RemoteWorld) -> None:
    with pytest.raises(MisuseError, match=r"use client\.remote_asyncio"):
        asyncio.run(world.alice.status())
    world.run(world.alice.status())


def test_an_address_left_by_a_crash_is_no_daemon(world: RemoteWorld) -> None:
    url = (world.root / "alice" / "api.url").read_text()
    world.run(world.servers["alice"].stop())
    (world.root / "alice" / "api.url").write_text(url)
    with pytest.raises(NotRunningError, match="not running"):
        world.run(world.alice.status())


def test_a_daemon_that_never_answers_is_given_up(world: RemoteWorld) -> None:
    port = int((world.root / "alice" / "api.url").read_text().rpartition(":")[2])
    world.web.listeners[port] = Factory.forProtocol(Protocol)
    with pytest.raises(NotRunningError, match="did not answer within 120 s"):
        world.run(world.alice.status())


def test_calls_share_connections(world: RemoteWorld) -> None:
    world.run(world.alice.status())
    before = len(world.web.connections)
    for _ in range(5):
        world.run(world.alice.status())
    assert len(world.web.connections) == before


def test_a_connection_that_breaks_costs_one_more_attempt_if_the_call_may_be_made_twice(world: RemoteWorld) -> None:
    acquaint(world)

    def break_next() -> None:
        # The daemon cuts the kept connection as soon as the next call arrives on it.
        open_ends = [ends for ends in world.web.connections if not ends[0]._ended]
        for _, server_end in open_ends:
            server_end.protocol.dataReceived = lambda data, end=server_end: end.loseConnection()  # type: ignore[method-assign]

    break_next()
    message_id = send(world, b"once", key="1")
    assert world.run(world.alice.message(message_id)).to == BOB
    world.run(world.alice.status())
    break_next()
    with pytest.raises(NotRunningError, match="went away before it answered"):
        world.run(world.alice.request("echo", b"x", timeout_s=5))


@pytest.mark.parametrize("name", ["", "a/b", ".", "..", "nothing", "\ud800", 5, b"mail"])
def test_pages_that_are_not_there_are_told_so(world: RemoteWorld, name: str) -> None:
    with pytest.raises(BadRequestError):
        world.run(world.alice.page_link(name))


def test_further_calls_wait_for_those_under_way(world: RemoteWorld) -> None:
    for _ in range(MOST_CALLS + 20):
        Deferred.fromCoroutine(world.alice.status())
    world.clock.advance(0)
    assert len(world.web.connections) <= MOST_CALLS
    assert world.run(world.alice.status()).address == ALICE


def test_a_wrong_token_is_refused(world: RemoteWorld) -> None:
    endpoint = find_endpoint(world.root / "alice")
    wrong = RemoteClient(
        http=client_of(world.web.agent()),
        find_endpoint=lambda: Endpoint(endpoint.url, "00" * 32),
        clock=world.clock,
        rng=world.rng,
    )
    with pytest.raises(ForbiddenError, match="bearer token"):
        world.run(wrong.status())


def test_each_start_has_a_new_token_which_is_never_shown(world: RemoteWorld) -> None:
    before = find_endpoint(world.root / "alice")
    world.run(world.servers["alice"].stop())
    world.start("alice", world.fake.alice)
    after = find_endpoint(world.root / "alice")
    assert after.token != before.token
    assert after.token not in repr(after)
    assert world.run(world.alice.status()).address == ALICE


def test_callbacks_live_through_a_restart_of_the_daemon(world: RemoteWorld) -> None:
    acquaint(world)
    reader = Reader()
    world.bob.on_received("text", reader)
    send(world, b"before", key="1")
    world.pass_time()
    world.run(world.servers["bob"].stop())
    send(world, b"meanwhile", key="2")
    world.pass_time()
    assert reader.bodies == [b"before"]
    world.start("bob", world.fake.bob)
    for _ in range(4):
        world.pass_time()
    assert reader.bodies == [b"before", b"meanwhile"]


def test_what_was_handled_but_not_told_is_not_handled_twice(world: RemoteWorld) -> None:
    acquaint(world)
    bodies: list[bytes] = []

    async def read(message: ReceivedMessage) -> None:
        bodies.append(message.body)
        if len(bodies) == 1:
            await world.servers["bob"].stop()

    world.bob.on_received("text", read)
    send(world, b"hello", key="1")
    world.pass_time()
    assert world.run(world.fake.bob.status()).unread == 1
    world.start("bob", world.fake.bob)
    for _ in range(4):
        world.pass_time()
    assert bodies == [b"hello"]
    assert world.run(world.bob.status()).unread == 0


def test_a_stopped_callback_finishes_the_message_it_has(world: RemoteWorld) -> None:
    acquaint(world)
    reader = Reader()

    def read(message: ReceivedMessage) -> None:
        reader(message)
        stop()

    stop = world.bob.on_received("text", read)
    send(world, b"one", key="1")
    send(world, b"two", key="2")
    world.pass_time()
    assert reader.bodies == [b"one"]
    assert world.run(world.bob.status()).unread == 1


def test_events_tell_what_comes_and_what_was_missed(world: RemoteWorld) -> None:
    acquaint(world)
    events: list[Event] = []
    stop = world.alice.on_event(events.append)
    world.pass_time()
    message_id = send(world, b"hello", key="1")
    world.pass_time()
    states = [event.state for event in events if isinstance(event, NumberedChange)]
    assert states == [MessageState.QUEUED, MessageState.SENDING, MessageState.STORED]
    stop()
    missed: list[Event] = []
    world.alice.on_event(missed.append, after="0-1")
    world.pass_time()
    changes = [event for event in missed if isinstance(event, NumberedChange)]
    assert [(change.number, change.message_id) for change in changes] == [(2, message_id), (3, message_id)]


def test_events_live_through_a_restart_of_the_daemon(world: RemoteWorld) -> None:
    acquaint(world)
    events: list[Event] = []
    world.bob.on_event(events.append, after="0-0")
    send(world, b"before", key="1")
    world.pass_time()
    world.run(world.servers["bob"].stop())
    send(world, b"meanwhile", key="2")
    world.pass_time()
    world.start("bob", world.fake.bob)
    for _ in range(4):
        world.pass_time()
    assert [event.body for event in events if isinstance(event, Received)] == [b"before", b"meanwhile"]


def test_events_after_one_that_has_not_happened_are_not_asked_for_again_and_again(world: RemoteWorld) -> None:
    events: list[Event] = []
    attempts: list[Endpoint] = []

    def find() -> Endpoint:
        attempts.append(find_endpoint(world.root / "alice"))
        return attempts[-1]

    kept = world.web.kept()
    remote = RemoteClient(http=kept.http, find_endpoint=find, clock=world.clock, rng=world.rng, on_close=kept.close)
    world.remotes.append(remote)
    remote.on_event(events.append, after="7-7")
    for _ in range(8):
        world.pass_time()
    assert (len(attempts), events) == (1, [])


def test_nobody_waits_for_what_a_closed_client_would_follow(world: RemoteWorld) -> None:
    world.run(world.servers["alice"].stop())
    following = world.alice.on_progress(lambda event: None)
    waiting: list[object] = []

    async def wait() -> None:
        waiting.append(await following)

    Deferred.fromCoroutine(wait())
    world.pass_time()
    assert waiting == []
    world.alice.close()
    assert waiting == [following]


def test_an_event_id_of_another_form_is_refused_at_once(world: RemoteWorld) -> None:
    for after in ("latest", "999999", "1-", "-1", "1-2-3", "١-٢"):
        with pytest.raises(BadRequestError, match="an event id is two numbers with a hyphen between them"):
            world.alice.on_event(lambda _: None, after=after)


def test_an_event_id_that_lies_ahead_is_told_to_the_program(world: RemoteWorld) -> None:
    with pytest.raises(BadRequestError, match="there was no event 999999-999999 yet: the newest is 0-0"):
        world.run(world.alice.on_event(lambda _: None, after="999999-999999"))


def test_nothing_is_missed_over_a_restart_before_the_first_event_was_told(world: RemoteWorld) -> None:
    acquaint(world)
    events: list[Event] = []
    opened: list[str] = []

    caller = world.bob._caller
    stream = caller.stream

    async def broken(path: str, *, query: Query, last_event_id: str) -> EventReader:
        opened.append(last_event_id or query["after"])
        if len(opened) <= 4:
            raise NotRunningError("the connection broke before the first event")
        return await stream(path, query=query, last_event_id=last_event_id)

    caller.stream = broken  # type: ignore[method-assign]
    world.bob.on_event(events.append)
    send(world, b"meanwhile", key="1")
    for _ in range(6):
        world.pass_time()
    assert opened == ["0-0"] * 5
    assert [event.body for event in events if isinstance(event, Received)] == [b"meanwhile"]


def test_the_newest_event_is_a_place_to_begin_at(world: RemoteWorld) -> None:
    acquaint(world)
    send(world, b"before", key="1")
    world.pass_time()
    events: list[Event] = []
    newest = world.run(world.bob.newest_event())
    assert newest == "1-0"
    send(world, b"after", key="2")
    world.pass_time()
    world.bob.on_event(events.append, after=newest)
    world.pass_time()
    assert [event.body for event in events if isinstance(event, Received)] == [b"after"]


def test_a_slow_callback_that_is_alone_is_counted_and_not_called_twice(world: RemoteWorld) -> None:
    acquaint(world)
    slow: list[int] = []
    release: Deferred[None] = Deferred()

    async def wait(message: ReceivedMessage) -> None:
        slow.append(message.number)
        await release

    world.bob.on_received("text", wait, within_s=2.0)
    send(world, b"one", key="1")
    for _ in range(3):
        world.pass_time()
    release.callback(None)
    for _ in range(3):
        world.pass_time()
    assert slow == [1]
    assert world.run(world.bob.status()).unread == 0


def test_what_takes_too_long_goes_to_another_program_and_the_slow_one_is_not_counted(world: RemoteWorld) -> None:
    acquaint(world)
    slow, other = list[int](), Reader()
    release: Deferred[None] = Deferred()

    async def wait(message: ReceivedMessage) -> None:
        slow.append(message.number)
        await release

    world.bob.on_received("text", wait, within_s=2.0)
    world.pass_time()
    send(world, b"one", key="1")
    world.pass_time()
    world.remote("bob").on_received("text", other)
    world.pass_time()
    assert (slow, other.bodies) == ([1], [b"one"])
    assert world.run(world.bob.status()).unread == 0
    logged: list[LogEvent] = []
    globalLogPublisher.addObserver(logged.append)
    release.callback(None)
    world.pass_time()
    globalLogPublisher.removeObserver(logged.append)
    reasons = [event["reason"] for event in logged if "was too slow" in event.get("log_format", "")]
    assert reasons == ["message 1 was not settled within 2 s, and another program has got it"]
    send(world, b"two", key="2")
    world.pass_time()
    assert sorted([*slow, *(message.number for message in other.messages)]) == [1, 1, 2]


def test_a_reader_that_was_removed_begins_anew(world: RemoteWorld) -> None:
    acquaint(world)
    reader = Reader()
    stop = world.bob.on_received("text", reader, reader="archive")
    send(world, b"one", key="1")
    world.pass_time()
    stop()
    world.pass_time()
    world.run(world.bob.remove_reader("archive", "text"))
    world.bob.on_received("text", reader, reader="archive")
    world.pass_time()
    assert reader.bodies == [b"one", b"one"]


def test_a_program_may_require_that_the_store_of_its_client_is_sealed(tmp_path: Path) -> None:
    directory = new_client(tmp_path)
    assert not has_sealed_store(directory)
    assert require_sealed_store(directory)
    assert has_sealed_store(directory)
    assert not require_sealed_store(directory)  # it was already
    with pytest.raises(ConfigError, match="is no client's directory"):
        require_sealed_store(tmp_path / "elsewhere")
