"""A service as a program of its own, over a real Unix socket: users, kills, systemd's socket, orderly ends."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from loopixmix.requests.names import Publish
from provider.api import ServiceRefusedError
from provider.hosting.asker import LostQuestionError, NotAskedError
from provider.hosting.asking.limits import ServiceLimits
from provider.serving.remote import RemoteAsker, unix_dial
from provider.serving.sockets import SocketPlace

KEY = bytes(16)
PROVIDER = bytes([7]) * 32
ROOT = Path(__file__).parents[2]
PROGRAM = """
import os
import time
from pathlib import Path

from provider.api import Declaration, ServiceRefusedError
from provider.serving import serve


class Poll:
    name = "poll"
    declaration = Declaration(threads=2, timeout_s=2.0)

    def __init__(self, context):
        self.context = context

    async def answer(self, body):
        if body == b"refuse":
            raise ServiceRefusedError("no")
        if body == b"die":
            os._exit(3)
        if body.startswith(b"card of "):
            return await self.context.keys.card(body[8:].decode())
        return str(self.context.settings["word"]).encode() + b" " + body


class Unset(Poll):
    def __init__(self, context):
        self.units = context.settings["units"]


class Sleeper(Poll):
    def answer(self, body):
        time.sleep(float(body))
        return b"slept"


if __name__ == "__main__":
    import sys

    factory = {"poll": Poll, "sleeper": Sleeper, "unset": Unset}[sys.argv[1]]
    if len(sys.argv) > 5:
        # All that it runs on is loaded before: the other user may not be able to read it.
        import encodings.idna
        from twisted.internet import epollreactor, reactor

        os.setgid(int(sys.argv[5]))
        os.setuid(int(sys.argv[5]))
    serve(factory, sys.argv[2], directory=sys.argv[3], settings={"word": "heard"}, user=sys.argv[4])
"""


class Cards:
    """The cards of a provider."""

    async def card(self, name: str) -> bytes:
        return b"card of " + name.encode()

    async def publish(self, publish: Publish) -> bool:
        return False


class Place:
    """The program, in a process of its own, and what asks it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "poll.sock"
        self.data = directory / "data"
        self.askers: list[RemoteAsker] = []
        self.process: subprocess.Popen[bytes] | None = None
        (directory / "poll.py").write_text(PROGRAM)

    def line(self, kind: str = "poll", user: str = "") -> list[str]:
        return [sys.executable, str(self.directory / "poll.py"), kind, str(self.socket), str(self.data), user]

    def start(self, kind: str = "poll", *, user: str = "", becomes: str = "") -> subprocess.Popen[bytes]:
        """Start the program. `user`: who may connect to it; `becomes`: the number of the user who it is."""
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        line = [*self.line(kind, user), *([becomes] if becomes else [])]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(line, stderr=log, env=environment)
        return self.process

    def asker(self, user: str = "") -> RemoteAsker:
        asker = RemoteAsker(
            "poll",
            SocketPlace(self.socket, user),
            provider=PROVIDER,
            keys=Cards(),
            dial=unix_dial(reactor),
            clock=reactor,
            rng=random.Random(1),
            limits=ServiceLimits(),
        )
        self.askers.append(asker)
        asker.start()
        return asker

    def log(self) -> str:
        return (self.directory / "log").read_text()

    def status(self) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.data / "status.json").read_bytes())
        return found


@pytest_twisted.async_yield_fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = Place(tmp_path)
    yield made
    for asker in made.askers:
        await asker.stop()
    if made.process is not None:
        made.process.kill()
        made.process.wait(20)


def pause(seconds: float) -> Deferred[None]:
    return deferLater(reactor, seconds, lambda: None)


async def until(condition: Callable[[], object], what: str) -> None:
    for _ in range(400):
        if condition():
            return
        await pause(0.05)
    raise AssertionError(what)


async def ready(asker: RemoteAsker) -> None:
    await until(lambda: asker.problem is None, f"the program was not reached: {asker.problem}")


@pytest_twisted.ensureDeferred
async def test_it_is_asked_and_uses_the_cards_of_the_provider(place: Place) -> None:
    place.start()
    asker = place.asker()
    await ready(asker)
    assert await asker.ask(KEY, b"this") == b"heard this"
    assert await asker.ask(KEY, b"card of alice") == b"card of alice"
    with pytest.raises(ServiceRefusedError):
        await asker.ask(KEY, b"refuse")
    many = [asker.ask(KEY, bytes(200_000) + str(number).encode()) for number in range(50)]
    assert [len(await answer) for answer in many] == [200_006 + len(str(number)) for number in range(50)]
    await until(lambda: place.status()["answered"] == 53, "its status file tells nothing")
    assert place.status()["service"] == "poll"


@pytest_twisted.ensureDeferred
async def test_a_program_that_dies_is_asked_again_when_it_is_back(place: Place) -> None:
    place.start()
    asker = place.asker()
    await ready(asker)
    with pytest.raises(LostQuestionError):
        await asker.ask(KEY, b"die")
    with pytest.raises(NotAskedError):
        await asker.ask(KEY, b"this")
    # What it left behind, lock and socket, does not keep the next one from its place.
    assert place.process is not None
    assert place.process.wait(20) == 3
    place.start()
    await ready(asker)
    assert await asker.ask(KEY, b"again") == b"heard again"


@pytest_twisted.ensureDeferred
async def test_it_ends_in_order(place: Place) -> None:
    process = place.start()
    asker = place.asker()
    await ready(asker)
    process.send_signal(signal.SIGTERM)
    await until(lambda: process.poll() is not None, "it did not end")
    assert process.returncode == 0
    assert not place.socket.exists()
    assert "nobody answers there" in (asker.problem or "") or "closed the connection" in (asker.problem or "")


@pytest_twisted.ensureDeferred
async def test_a_thread_that_never_ends_delays_neither_others_nor_the_end(place: Place) -> None:
    process = place.start("sleeper")
    asker = place.asker()
    await ready(asker)
    stuck = asker.ask(KEY, b"600")
    assert await asker.ask(KEY, b"0.01") == b"slept"
    with pytest.raises(Exception, match="has failed"):
        await stuck
    process.send_signal(signal.SIGTERM)
    await until(lambda: process.poll() is not None, "it did not end")


@pytest_twisted.ensureDeferred
async def test_a_second_program_in_the_same_directory_is_refused(place: Place) -> None:
    place.start()
    await ready(place.asker())
    second = subprocess.run(place.line(), env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, timeout=30)
    assert second.returncode == 2
    assert second.stderr.decode().startswith("poll.py: ")
    assert second.stderr.count(b"\n") == 1


@pytest_twisted.ensureDeferred
async def test_it_is_the_service_of_one_provider_for_good(place: Place) -> None:
    place.start()
    asker = place.asker()
    await ready(asker)
    assert (place.data / "provider").read_text() == PROVIDER.hex() + "\n"
    (place.data / "provider").write_text(bytes(32).hex() + "\n")
    assert place.process is not None
    place.process.kill()
    place.process.wait(20)
    place.start()
    await until(lambda: "another provider" in place.log(), "it serves any provider")
    assert asker.problem is not None


@pytest_twisted.ensureDeferred
async def test_a_service_that_cannot_be_made_says_why(place: Place) -> None:
    place.start("unset")
    place.asker()
    await until(lambda: 'needs the setting "units"' in place.log(), "the reason is in no log")
    await until(lambda: 'needs the setting "units"' in str(place.status()["problem"]), "the status says something else")
    assert "Traceback" not in place.log()


@pytest_twisted.ensureDeferred
async def test_systemd_may_hold_the_socket(place: Place) -> None:
    with socket.socket(socket.AF_UNIX) as held:
        held.bind(str(place.socket))
        held.listen()
        held.set_inheritable(True)
        number = held.fileno()
        # What systemd does between fork and exec (sd_listen_fds(3)).
        script = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3); "
            "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='poll'); "
            "os.execv(sys.argv[2], sys.argv[2:])"
        )
        line = [sys.executable, "-c", script, str(number), *place.line()]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        with (place.directory / "log").open("ab") as log:
            place.process = subprocess.Popen(line, stderr=log, env=environment, pass_fds=[number])
        asker = place.asker()
        await ready(asker)
        assert await asker.ask(KEY, b"this") == b"heard this"
        # While it restarts, the socket stays: a connection waits in it.
        place.process.send_signal(signal.SIGTERM)
        await until(lambda: place.process is not None and place.process.poll() is not None, "it did not end")
        assert place.socket.exists()
        with (place.directory / "log").open("ab") as log:
            place.process = subprocess.Popen(line, stderr=log, env=environment, pass_fds=[number])
        await ready(asker)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
@pytest_twisted.ensureDeferred
async def test_a_program_of_another_user(place: Place) -> None:
    nobody = 65_534
    # It must reach its code and its directory, and nothing of the provider.
    for directory in (place.directory, *place.directory.parents):
        if directory.owner() == "root" and directory != Path("/"):
            directory.chmod(directory.stat().st_mode | 0o011)
    place.data.mkdir()
    os.chown(place.data, nobody, nobody)
    os.chown(place.directory, nobody, nobody)
    process = place.start(user="0", becomes=str(nobody))
    refused, allowed = place.asker(), place.asker(user=str(nobody))
    await ready(allowed)
    assert psutil.Process(process.pid).uids().real == nobody
    assert await allowed.ask(KEY, b"this") == b"heard this"
    await until(lambda: "only root is allowed" in (refused.problem or ""), "a program of another user was asked")
