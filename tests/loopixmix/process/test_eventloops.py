"""A door of Twisted's that asyncio awaits says so; on Twisted nothing changes, on whatever loop it runs."""

from __future__ import annotations

import asyncio
import random
import socket
import subprocess
import sys
from collections.abc import Awaitable

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from client.api import MisuseError
from client.remote import remote_client, start
from client.testing import FakeClient, FakeNetwork
from loopixmix.process.eventloops import await_on_twisted, check_no_asyncio, look_up
from tests.worlds.clients.parts import outcome


async def wait(deferred: Awaitable[str]) -> str:
    return await await_on_twisted(deferred, instead="use the other one")


def test_asyncio_that_waits_is_told_what_to_use() -> None:
    with pytest.raises(MisuseError, match="a task of asyncio awaits what runs on Twisted: use the other one"):
        asyncio.run(wait(Deferred()))


def test_on_twisted_it_waits_also_within_a_task_of_asyncio() -> None:
    async def on_a_loop() -> str:
        deferred: Deferred[str] = Deferred()
        waiting = Deferred.fromCoroutine(wait(deferred))
        deferred.callback("well")
        return await waiting.asFuture(asyncio.get_running_loop())

    assert asyncio.run(on_a_loop()) == "well"
    deferred: Deferred[str] = Deferred()
    waiting = Deferred.fromCoroutine(wait(deferred))
    deferred.callback("well")
    assert outcome(waiting) == "well"


def test_other_errors_stay_as_they_are() -> None:
    async def fail() -> str:
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        asyncio.run(wait(fail()))


def test_a_reactor_that_runs_on_asyncio_is_at_home_there() -> None:
    async def check() -> None:
        reactor = AsyncioSelectorReactor(asyncio.get_running_loop())
        check_no_asyncio(reactor, instead="never")
        reactor.disconnectAll()

    with asyncio.Runner() as runner:
        runner.run(check())
    check_no_asyncio(Clock(), instead="never")  # no loop runs


def test_the_client_of_a_daemon_names_its_twin(tmp_path: object) -> None:
    async def make() -> None:
        remote_client(tmp_path, reactor=Clock(), rng=random.Random(1))

    async def begin() -> None:
        await start(tmp_path, reactor=Clock(), rng=random.Random(1))

    for door in (make, begin):
        with pytest.raises(MisuseError, match=r"use client\.remote_asyncio"):
            asyncio.run(door())


@pytest.mark.parametrize("door", ["request", "add_contact"])
def test_a_fake_client_names_what_awaits_it(door: str) -> None:
    network = FakeNetwork(clock=Clock(), rng=random.Random(1), delay_s=1.0)
    network.add_provider("away")
    alice: FakeClient = network.client("alice@home")

    class Echo:
        name = "echo"

        async def answer(self, body: bytes) -> bytes:
            return body

    network.add_service(Echo(), provider="home")
    calls = {
        "request": lambda: alice.request("echo", b"?", timeout_s=60),
        "add_contact": lambda: alice.add_contact("bob@away"),
    }
    with pytest.raises(MisuseError, match=r"client\.testing\.wait_for"):
        asyncio.run(calls[door]())


@pytest.mark.parametrize("name", ["a" * 300 + ".example", "a\udcff.example", "no.such.host.invalid"])
def test_a_failed_lookup_is_of_one_kind(name: str) -> None:
    with pytest.raises(socket.gaierror):
        look_up(name, 80)


DIAL_WITHOUT_FILES = """
import os, resource
from twisted.internet import reactor
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Protocol, Factory
from loopixmix.process.eventloops import perform_on

async def dial(reactor):
    reactor.getThreadPool().adjustPoolsize(1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    try:
        while True:
            os.open("/dev/null", os.O_RDONLY)
    except OSError:
        pass
    try:
        await HostnameEndpoint(reactor, "localhost", 9).connect(Factory.forProtocol(Protocol))
    except Exception as error:
        return type(error).__name__

print(perform_on(reactor, dial))
"""


def test_without_files_a_name_is_not_waited_for_for_ever() -> None:
    run = subprocess.run(
        [sys.executable, "-c", DIAL_WITHOUT_FILES], capture_output=True, text=True, timeout=30, check=False
    )
    assert (run.stdout, run.stderr) == ("DNSLookupError\n", "")


INTERRUPTED = """
import os, signal
import click
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from loopixmix.process.eventloops import perform_on

async def work(reactor):
    cut = Deferred()
    # As a connection ends when the reactor does.
    reactor.addSystemEventTrigger("during", "shutdown", lambda: cut.errback(ConnectionError("cut")))
    reactor.callLater(0, os.kill, os.getpid(), signal.SIGINT)
    await cut

try:
    perform_on(reactor, work)
except click.Abort:
    print("interrupted")
"""


def test_what_an_interruption_cuts_is_no_failure_of_the_work() -> None:
    run = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=30, check=False)
    assert (run.stdout, run.stderr) == ("interrupted\n", "")
