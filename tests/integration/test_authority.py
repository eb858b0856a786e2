"""A real authority process on loopback: uploads, documents, kill -9 and restarts, epochs of ten seconds."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

from loopixmix.authority.http import MAX_DISCARDED_BYTES
from loopixmix.config import load_trust_root
from loopixmix.directory import MAX_DESCRIPTOR_BYTES, Document, TrustRoot, decode_document, sign_descriptor
from loopixmix.errors import UnavailableError
from loopixmix.following.authorities import Authorities
from loopixmix.following.cache import DocumentCache
from loopixmix.following.enrolment import Enroller, Enrolment
from loopixmix.following.fetcher import TreqFetcher
from loopixmix.following.follower import DirectoryFollower
from loopixmix.observing.status import read_status
from loopixmix.web.calls import one_shot_client
from tests.worlds.commands import command_text
from tests.worlds.networks.authorities import public_mix_keys
from tests.worlds.networks.models import ModelNode, model_network

EPOCH_S = 10
NODES = model_network(random.Random(1), mixes_per_layer=1, providers=1).nodes
FAST = ["--epoch-length-s", str(EPOCH_S), "--grace-s", "2", "--delay-mean-s", "0.05"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class AuthorityProcess:
    """`loopixmix authority` in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def trust_root(self) -> TrustRoot:
        return load_trust_root(self.directory / "network.toml")

    def init(self, *options: str) -> None:
        arguments = ["init", str(self.directory), "--listen", f"127.0.0.1:{self.port}", "--open-enrolment"]
        answer = self.command(*arguments, *FAST, *options)
        assert answer.returncode == 0, answer.stderr

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return command_text("authority", *arguments)

    def start(self) -> None:
        with (self.directory / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "loopixmix.main", "authority", "run", str(self.directory)], stderr=log
            )
        deadline_s = time.monotonic() + 20
        while time.monotonic() < deadline_s:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"the authority does not listen: {self.log}")

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        code = self.process.wait(timeout=15)
        self.process = None
        return code

    @property
    def log(self) -> str:
        return (self.directory / "log.txt").read_text()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[AuthorityProcess]:
    authority = AuthorityProcess(tmp_path / "authority")
    yield authority
    if authority.process is not None:
        authority.end(signal.SIGKILL)


def pause(seconds: float) -> Deferred[None]:
    return deferLater(reactor, seconds, lambda: None)  # type: ignore[arg-type]


def fetcher() -> TreqFetcher:
    return TreqFetcher(one_shot_client(reactor), clock=reactor)


class RunningNode:
    """A follower with a real clock and real sockets, for a node that does nothing else."""

    def __init__(self, node: ModelNode, trust_root: TrustRoot, directory: Path) -> None:
        self.node = node
        self.trust_root = trust_root
        self.adopted: list[Document] = []
        rng = random.SystemRandom()
        authorities = Authorities(trust_root, fetcher=fetcher(), rng=rng)
        enrolment = Enrolment(node.identity_key, self.describe)
        self.follower = DirectoryFollower(
            authorities,
            cache=DocumentCache(directory / f"{node.name}.document"),
            clock=reactor,
            rng=rng,
            adopt=self.adopted.append,
            enroller=Enroller(enrolment, authorities=authorities, clock=reactor, rng=rng),
        )

    def describe(self, issued_at_ms: int):  # type: ignore[no-untyped-def]
        epoch = issued_at_ms // 1000 // EPOCH_S
        descriptor = self.node.descriptor(self.trust_root.network_id, issued_at_ms=issued_at_ms)
        return msgspec.structs.replace(descriptor, mix_keys=public_mix_keys(self.node.id, epoch))

    def signed(self) -> bytes:
        return sign_descriptor(self.describe(int(time.time() * 1000)), self.node.identity_key)


async def until(condition, timeout_s: float) -> None:  # type: ignore[no-untyped-def]
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "timed out"
        await pause(0.05)


@pytest_twisted.ensureDeferred
async def test_a_network_follows_its_authority_through_epochs_and_crashes(
    authority: AuthorityProcess, tmp_path: Path
) -> None:
    authority.init("--expected-mixes", "3", "--expected-providers", "1")
    authority.start()
    nodes = [RunningNode(node, authority.trust_root, tmp_path) for node in NODES]
    client_documents: list[Document] = []
    client = DirectoryFollower(
        Authorities(authority.trust_root, fetcher=fetcher(), rng=random.SystemRandom()),
        cache=DocumentCache(tmp_path / "client.document"),
        clock=reactor,
        rng=random.SystemRandom(),
        adopt=client_documents.append,
    )
    followers = [*(node.follower for node in nodes), client]
    try:
        for follower in followers:
            follower.start()
        await until(lambda: all(follower.document for follower in followers), 5)
        assert {node.name for node in client_documents[0].nodes} == {node.name for node in NODES}
        first = client_documents[0].epoch
        published = (await fetcher().get(authority.url(f"/v1/documents/{first}"), limit_bytes=10**6)).body

        authority.end(signal.SIGKILL)
        authority.start()
        again = await fetcher().get(authority.url(f"/v1/documents/{first}"), limit_bytes=10**6)
        assert again.body == published

        await until(lambda: len(client_documents) > 1, 2 * EPOCH_S)
        authority.end(signal.SIGKILL)  # right after the edge: the nodes cannot upload for a while
        await pause(2)
        assert client.document is not None
        authority.start()
        adopted = len(client_documents)
        await until(lambda: len(client_documents) > adopted, 2 * EPOCH_S)
        assert len(client_documents[-1].nodes) == len(NODES)
        epochs = [document.epoch for document in client_documents]
        assert epochs == list(range(first, first + len(epochs)))
        assert all(node.adopted[-1] in client_documents for node in nodes)
        await until(lambda: all(follower.problem is None for follower in followers), 5)
        status = read_status(authority.directory)
        assert status is not None
        assert status.healthy
        assert status.extra["nodes_in_document"] == len(NODES)
    finally:
        for follower in followers:
            await follower.stop()
    assert authority.end() == 0
    assert "signed the document of epoch" in authority.log
    assert "Traceback" not in authority.log


async def note_documents(authority: AuthorityProcess, seen: dict[int, set[bytes]]) -> None:
    epoch = int(time.time() // EPOCH_S)
    for wanted in (epoch, epoch + 1):
        answer = await fetcher().get(authority.url(f"/v1/documents/{wanted}"), limit_bytes=10**6)
        if answer.status == 200:
            decode_document(answer.body, authority.trust_root, now_s=wanted * EPOCH_S)
            seen.setdefault(wanted, set()).add(answer.body)


@pytest_twisted.ensureDeferred
async def test_kill_9_around_the_signing_of_a_document_never_shows_two(
    authority: AuthorityProcess, tmp_path: Path
) -> None:
    authority.init()
    authority.start()
    nodes = [RunningNode(node, authority.trust_root, tmp_path) for node in NODES]
    seen: dict[int, set[bytes]] = {}
    rng = random.Random(3)
    for _ in range(6):
        for signed in [node.signed() for node in nodes]:
            upload = Deferred.fromCoroutine(fetcher().put(authority.url("/v1/descriptors"), signed, limit_bytes=4096))
            upload.addErrback(lambda failure: failure.trap(UnavailableError))
            await pause(rng.uniform(0, 0.02))
        await note_documents(authority, seen)
        authority.end(signal.SIGKILL)
        authority.start()
        await note_documents(authority, seen)
    assert seen
    assert all(len(documents) == 1 for documents in seen.values())


@pytest_twisted.ensureDeferred
async def test_http_refuses_what_is_no_upload(authority: AuthorityProcess, tmp_path: Path) -> None:
    authority.init()
    path = authority.directory / "authority.toml"
    path.write_text(path.read_text().replace("uploads_per_minute = 600", "uploads_per_minute = 5"))
    authority.start()
    put = authority.url("/v1/descriptors")
    node = RunningNode(NODES[0], authority.trust_root, tmp_path)
    signed = node.signed()
    # The longer one is answered before it is there, and read past.
    for length in (MAX_DESCRIPTOR_BYTES + 1, MAX_DISCARDED_BYTES):
        assert (await fetcher().put(put, bytes(length), limit_bytes=4096)).status == 413
    answers = [await fetcher().put(put, body, limit_bytes=4096) for body in (b"x", signed, signed)]
    assert [answer.status for answer in answers] == [400, 204, 409]
    assert answers[2].reason.startswith("HTTP status 409: the descriptor was issued ")
    assert answers[2].reason.endswith(" and is not newer than the one already known")
    statuses = [(await fetcher().put(put, node.signed(), limit_bytes=4096)).status for _ in range(3)]
    assert statuses == [204, 204, 429]
    assert (await fetcher().get(authority.url("/v1/documents/-1"), limit_bytes=4096)).status == 404
    assert (await fetcher().get(authority.url("/v1/descriptors"), limit_bytes=4096)).status == 405
    with pytest.raises(UnavailableError, match="longer than 3 bytes"):
        await fetcher().get(authority.url("/v1/documents/current"), limit_bytes=3)


async def is_served(authority: AuthorityProcess) -> bool:
    try:
        return (await fetcher().get(authority.url("/v1/documents/current"), limit_bytes=4096)).status == 404
    except UnavailableError:
        return False


@pytest_twisted.ensureDeferred
async def test_connections_from_one_address_are_bounded(authority: AuthorityProcess) -> None:
    authority.init()
    authority.start()
    assert await is_served(authority)
    with contextlib.ExitStack() as opened:
        idle = [opened.enter_context(socket.create_connection(("127.0.0.1", authority.port))) for _ in range(80)]
        # Those that wait longest make room: whoever asks is served meanwhile, and the first of them are ended.
        assert await is_served(authority)
        deadline_s = time.monotonic() + 10
        while not has_ended(idle[0]):
            assert time.monotonic() < deadline_s, "no bound"
            await pause(0.1)
        assert not has_ended(idle[-1])


def has_ended(connection: socket.socket) -> bool:
    """Tell whether the other end has ended an idle connection; what it said before is read past."""
    connection.setblocking(False)
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


@pytest_twisted.ensureDeferred
async def test_an_authority_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="refused"):
        await fetcher().get(f"http://127.0.0.1:{free_port()}/", limit_bytes=10)
    with pytest.raises(UnavailableError, match="DNS lookup failed"):
        await fetcher().get("http://name.invalid/", limit_bytes=10)


class SilentServer(Protocol):
    """Says what it is told to say, and then nothing more."""

    words = b""

    def connectionMade(self) -> None:
        self.transport.write(self.words)  # type: ignore[union-attr]


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("words", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
@pytest.mark.parametrize("ends_by", ["cancel at once", "cancel", "close", "time"])
async def test_however_far_a_request_is_it_can_be_given_up(words: bytes, ends_by: str) -> None:
    factory = Factory.forProtocol(SilentServer)
    servers: list[SilentServer] = []

    def build(address: object) -> SilentServer:
        server = SilentServer()
        server.words = words
        servers.append(server)
        return server

    factory.buildProtocol = build  # type: ignore[method-assign, assignment]
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")  # type: ignore[attr-defined]
    timeout_s = 0.2 if ends_by == "time" else 20
    impatient = TreqFetcher(one_shot_client(reactor), clock=reactor, answer_timeout_s=timeout_s)
    waiting = Deferred.fromCoroutine(impatient.put(f"http://127.0.0.1:{port.getHost().port}/", b"body", limit_bytes=10))
    if ends_by != "cancel at once":
        await pause(0.1)
    if ends_by == "close":
        servers[0].transport.abortConnection()  # type: ignore[union-attr]
        with pytest.raises(UnavailableError, match="the connection broke"):
            await waiting
    elif ends_by == "time":
        with pytest.raises(UnavailableError, match="no complete answer within"):
            await waiting
    else:
        waiting.cancel()
        with pytest.raises(CancelledError):
            await waiting
    await pause(0.05)
    for server in servers:
        server.transport.abortConnection()  # type: ignore[union-attr]
    await port.stopListening()


def test_what_is_wrong_at_the_start_is_said_in_one_line(authority: AuthorityProcess) -> None:
    authority.init()
    directory = str(authority.directory)
    config = authority.directory / "authority.toml"

    def complaint(exit_code: int = 2, *arguments: str) -> str:
        answer = authority.command("run", directory, *arguments)
        assert answer.returncode == exit_code, answer.stderr
        assert answer.stderr.count("\n") == 1
        assert "Traceback" not in answer.stderr
        return answer.stderr

    good = config.read_text()
    config.write_text(good.replace("layers", "layer"))
    assert 'authority.toml: unknown key "layer" in [params] (allowed: layers, ' in complaint()
    assert 'did you mean "layers"?' in complaint(2, "--check-config")
    config.write_text(good.replace("epoch_length_s = 10", "epoch_length_s = 20"))
    assert 'key "params.epoch_length_s" (20) must stay what' in complaint(2, "--check-config")
    config.write_text(good)
    assert authority.command("run", directory, "--check-config").returncode == 0

    authority.start()
    assert authority.process is not None
    assert f"is in use by process {authority.process.pid}" in complaint()
    status = authority.command("status", directory)
    assert status.returncode == 0
    assert "0 mixes are enrolled" in status.stdout
    config.write_text(good.replace("expected_mixes = 0", "expected_mixes = 0\nspeed = 1"))
    authority.process.send_signal(signal.SIGHUP)
    config.write_text(good.replace("uploads_per_minute = 600", "uploads_per_minute = 60"))
    time.sleep(0.5)
    authority.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    config.write_text(good)
    assert authority.end(signal.SIGINT) == 0
    assert "the configuration was read again" in authority.log
    assert authority.command("status", directory).returncode == 1

    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", authority.port))
        other.listen()
        assert f"cannot listen on 127.0.0.1:{authority.port}: Address already in use" in complaint()

    damaged = authority.directory / "state" / "documents" / "7.signed"
    damaged.write_bytes(b"damaged")
    assert str(damaged) in complaint()
    damaged.unlink()
    key = (authority.directory / "identity.key").read_bytes()
    again = authority.command("init", directory)
    assert again.returncode == 2
    assert "exists already and is never overwritten" in again.stderr
    assert (authority.directory / "identity.key").read_bytes() == key
    os.chmod(authority.directory / "identity.key", 0o644)  # noqa: PTH101
    assert "chmod 600" in complaint()
