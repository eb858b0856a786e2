"""A real daemon, spoken to by raw sockets, by curl, and by programs that a proxy's address is given to."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import psutil
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from client.api import BusyError, NoClientError, NotRunningError
from client.directory.configuration import create_client
from client.http.endpoint import find_endpoint
from client.http.serving.site import MAX_CONNECTIONS, MAX_UNPROVEN
from client.remote import remote_client
from client.remote_asyncio import asyncio_client
from loopixmix.web.sites import MAX_LEAVING
from tests.worlds.clients.fake_daemons import TRUST_ROOT

ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"}


class Daemon:
    """A client without an account, in a process of its own."""

    def __init__(self, root: Path) -> None:
        self.directory = root / "alice"
        (root / "network.toml").write_text(TRUST_ROOT)
        create_client(self.directory, network=root / "network.toml", api_port=0, rng=random.Random(1))
        self.log = root / "log.txt"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "loopixmix.main", "client", "run", str(self.directory)],
                env=ENVIRONMENT,
                stderr=log,
            )
        until_s = time.monotonic() + 30
        while not (self.directory / "api.url").exists():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until_s
            time.sleep(0.05)
        endpoint = find_endpoint(self.directory)
        self.url, self.token = endpoint.url, endpoint.token
        self.port = int(endpoint.url.rpartition(":")[2])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def head(self, method: str, target: str, **more: object) -> bytes:
        headers = {"Host": f"127.0.0.1:{self.port}", "Authorization": f"Bearer {self.token}"}
        headers |= {name.replace("_", "-"): str(value) for name, value in more.items()}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def ask(self, method: str, target: str, **more: object) -> Answer:
        with self.connect() as connection:
            connection.sendall(self.head(method, target, Connection="close", **more))
            return answer_of(connection)

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def end(self) -> str:
        """Let it end, and return its log."""
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0
        return self.log.read_text()


class Answer:
    """What came back until the connection ended."""

    def __init__(self, raw: bytes) -> None:
        head, _, self.body = raw.partition(b"\r\n\r\n")
        self.head = head.lower()
        self.status = int(raw.split(b" ", 2)[1]) if raw else 0

    @property
    def error(self) -> str:
        return str(json.loads(self.body)["error"])


def answer_of(connection: socket.socket) -> Answer:
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return Answer(received)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    made = Daemon(tmp_path_factory.mktemp("daemon"))
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()


@pytest.fixture
def own_daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()


def test_idle_connections_do_not_lock_the_owner_out(daemon: Daemon) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(daemon.connect()) for _ in range(MAX_UNPROVEN + 10)]
        assert daemon.ask("GET", "/v1/status").status == 200
        # The first ones had to go, and were told why.
        assert answer_of(idle[0]).error == "busy"
        idle[-1].sendall(daemon.head("GET", "/v1/status", Connection="close"))
        assert answer_of(idle[-1]).status == 200


def test_peers_that_were_refused_and_stay_are_cut(own_daemon: Daemon) -> None:
    process = psutil.Process(own_daemon.process.pid)
    with ExitStack() as stack:
        for _ in range(2 * MAX_LEAVING):
            peer = stack.enter_context(own_daemon.connect())
            peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert peer.recv(100).startswith(b"HTTP/1.1 421 ")
        assert len([each for each in process.net_connections("tcp4") if each.raddr]) <= MAX_LEAVING + 2
        assert own_daemon.ask("GET", "/v1/status").status == 200


def test_beyond_the_limit_there_is_an_answer(daemon: Daemon) -> None:
    with ExitStack() as stack:
        for _ in range(MAX_CONNECTIONS):
            stream = stack.enter_context(daemon.connect())
            stream.sendall(daemon.head("GET", "/v1/received?kind=text"))
            assert stream.recv(100).startswith(b"HTTP/1.1 200 ")
        refused = daemon.ask("GET", "/v1/status")
        assert (refused.status, refused.error) == (503, "busy")
        assert b"retry-after: 1" in refused.head
    until_s = time.monotonic() + 10
    while daemon.ask("GET", "/v1/status").status != 200:
        assert time.monotonic() < until_s
        time.sleep(0.1)


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(daemon: Daemon) -> None:
    target = "/v1/messages?to=bob@away&kind=x&idempotency_key=1"
    size = 200 * 1024 * 1024
    waiting = daemon.ask("POST", target, Expect="100-continue", Content_Length=size)
    assert (waiting.status, waiting.error) == (413, "too_long")
    with daemon.connect() as connection:
        connection.sendall(daemon.head("POST", target, Content_Type="application/octet-stream", Content_Length=size))
        for _ in range(size // (1024 * 1024)):
            connection.sendall(bytes(1024 * 1024))
        answer = answer_of(connection)
    assert (answer.status, answer.error) == (413, "too_long")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /v1/%ff HTTP/1.1\r\nHEADERS\r\n\r\n", 400),
        (b"GET /v1/\x80 HTTP/1.1\r\nHEADERS\r\n\r\n", 400),
        (b"GET /v1/status HTTP/1.1\r\nHEADERS\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /v1/" + b"x" * 20_000 + b" HTTP/1.1\r\nHEADERS\r\n\r\n", 414),
        (b"this is no HTTP\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHEADERS\r\n\r\n", 404),
        (b"PATCH /v1/status HTTP/1.1\r\nHEADERS\r\n\r\n", 405),
        (b"GET /v1/status HTTP/1.1\r\n\r\n", 421),
        (b"POST /v1/contacts HTTP/1.1\r\nHEADERS\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 415),
        (b"POST /v1/contacts HTTP/1.1\r\nHEADERS\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST /v1/contacts HTTP/1.1\r\nContent-Length: " + b"1" * 5000 + b"\r\n\r\n", 400),
    ],
)
def test_every_error_has_a_json_body(daemon: Daemon, raw: bytes, status: int) -> None:
    headers = daemon.head("GET", "/", Connection="close").partition(b"\r\n")[2].removesuffix(b"\r\n\r\n")
    with daemon.connect() as connection:
        connection.sendall(raw.replace(b"HEADERS", headers))
        answer = answer_of(connection)
    assert answer.status == status
    assert b"content-type: application/json" in answer.head
    assert set(json.loads(answer.body)) == {"error", "message"}
    assert (b"\r\nallow: " in answer.head) == (status == 405)


def test_a_reader_that_leaves_is_no_error(own_daemon: Daemon) -> None:
    for target in ("/v1/events", "/v1/events?about=outgoing", "/v1/received?kind=text", "/v1/answers", "/v1/status"):
        for read in (False, True):
            with own_daemon.connect() as connection:
                connection.sendall(own_daemon.head("GET", target))
                if read:
                    assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        head = own_daemon.ask("HEAD", target)
        assert (head.status, head.body) == (200, b"")
    assert own_daemon.ask("GET", "/v1/%ff").status == 400
    log = own_daemon.end()
    assert "local API" in log
    for word in ("unhandled", "traceback", "critical", "error"):
        assert word not in log.lower().replace("problem", ""), log


def test_calls_under_way_are_told_that_it_stops(own_daemon: Daemon) -> None:
    with own_daemon.connect() as upload, own_daemon.connect() as stream, own_daemon.connect() as idle:
        upload.sendall(own_daemon.head("POST", "/v1/contacts", Content_Length=100, Content_Type="application/json"))
        upload.sendall(b"{")
        stream.sendall(own_daemon.head("GET", "/v1/events"))
        assert stream.recv(100).startswith(b"HTTP/1.1 200 ")
        idle.sendall(own_daemon.head("GET", "/v1/openapi.json"))
        assert idle.recv(100).startswith(b"HTTP/1.1 200 ")
        own_daemon.process.send_signal(signal.SIGTERM)
        answer = answer_of(upload)
        assert (answer.status, answer.error) == (503, "not_running")
        assert b"retry-after: 1" in answer.head
    assert own_daemon.process.wait(timeout=30) == 0


@pytest_twisted.ensureDeferred
async def test_a_program_keeps_its_connections(daemon: Daemon) -> None:
    client = remote_client(daemon.directory, reactor=reactor, rng=random.Random(1))
    await client.status()
    before = connections_to(daemon)
    for _ in range(50):
        await client.status()
    assert connections_to(daemon) == before
    client.close()


@pytest.mark.parametrize("programs", [1, 3])
def test_many_calls_at_one_moment_are_all_answered(daemon: Daemon, programs: int) -> None:
    async def ask() -> list[bool]:
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(asyncio_client(daemon.directory, rng=random.Random(1)))
                for _ in range(programs)
            ]
            asked = [client.status() for client in clients for _ in range(300 // programs)]
            return [status.registered for status in await asyncio.gather(*asked)]

    assert asyncio.run(ask()) == [False] * 300


def connections_to(daemon: Daemon) -> set[int]:
    """Return the ports at our end of the connections to a daemon."""
    ours = psutil.Process().net_connections("tcp4")
    return {each.laddr.port for each in ours if each.raddr and each.raddr.port == daemon.port}


@pytest_twisted.ensureDeferred
async def test_busy_not_running_and_no_client_are_three_errors(own_daemon: Daemon) -> None:
    client = remote_client(own_daemon.directory, reactor=reactor, rng=random.Random(1))
    nobody = remote_client(own_daemon.directory / "nobody", reactor=reactor, rng=random.Random(1))
    with pytest.raises(NoClientError, match="there is no directory"):
        await nobody.status()
    with ExitStack() as stack:
        for _ in range(MAX_CONNECTIONS):
            stream = stack.enter_context(own_daemon.connect())
            stream.sendall(own_daemon.head("GET", "/v1/received?kind=text"))
            assert stream.recv(100).startswith(b"HTTP/1.1 200 ")
        # Both ask again for seconds, at the same time.
        asked = subprocess.Popen(
            command_line("status", own_daemon),
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        with pytest.raises(BusyError, match="try again in a moment"):
            await client.status()
        _, told = await deferToThread(asked.communicate, timeout=60)
        assert "serves as many calls as it can" in told
        asking = Deferred.fromCoroutine(client.status())
        await deferLater(reactor, 0.5, lambda: None)
    # Now there are places again, and the daemon is asked again.
    assert not (await asking).registered
    own_daemon.end()
    with pytest.raises(NotRunningError, match="is not running"):
        await client.status()
    assert "is not running: start it with" in command("status", own_daemon).stderr
    client.close()


def command_line(name: str, daemon: Daemon) -> list[str]:
    return [sys.executable, "-P", "-m", "loopixmix.main", "client", name, str(daemon.directory)]


def command(name: str, daemon: Daemon) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command_line(name, daemon),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Proxy:
    """Listens, and notes whether anybody came."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.2)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def environment(self) -> dict[str, str]:
        return dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"), self.url)

    def was_asked(self) -> bool:
        try:
            self.listener.accept()[0].close()
        except TimeoutError:
            return False
        return True


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    made = Proxy()
    yield made
    made.listener.close()


@pytest_twisted.ensureDeferred
async def test_our_client_asks_no_proxy(daemon: Daemon, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, url in proxy.environment().items():
        monkeypatch.setenv(name, url)
    client = remote_client(daemon.directory, reactor=reactor, rng=random.Random(1))
    assert not (await client.status()).registered
    client.close()
    assert not proxy.was_asked()


def test_our_client_for_asyncio_asks_no_proxy(daemon: Daemon, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, url in proxy.environment().items():
        monkeypatch.setenv(name, url)

    async def ask() -> bool:
        async with asyncio_client(daemon.directory, rng=random.Random(1)) as client:
            return (await client.status()).registered

    assert not asyncio.run(ask())
    assert not proxy.was_asked()


@pytest.mark.needs("curl")
def test_the_lines_of_the_page_ask_no_proxy(daemon: Daemon, proxy: Proxy, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "protocol" / "local-api.md").read_text()
    lines = [block for block in page.split("\n\n") if block.startswith("    ") and " curl " in block]
    assert lines
    (tmp_path / "photo.jpg").write_bytes(b"photo")
    for line in lines:
        done = subprocess.run(
            ["sh", "-c", 'curl() { command curl -s "$@"; }\n' + line.replace("DIR", str(daemon.directory))],
            env={**os.environ, **proxy.environment(), "no_proxy": "", "NO_PROXY": ""},
            cwd=tmp_path,
            capture_output=True,
            timeout=30,
            check=True,
        )
        assert json.loads(done.stdout)["error"] == "not_registered"
    assert not proxy.was_asked()
