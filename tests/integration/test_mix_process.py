"""Real processes on loopback: an authority, two mixes, and a small provider in this process.

Packets, loops, restarts, signals, and every way to start wrongly.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from loopixmix.directory import Document, Role
from loopixmix.drops import DropReason
from loopixmix.errors import LoopixmixError
from loopixmix.following.fetcher import TreqFetcher
from loopixmix.hop.mixing import Arrived
from loopixmix.main import run
from loopixmix.net.sockets import TcpSockets
from loopixmix.node.config import NodeConfig, create_node, load_node, node_toml
from loopixmix.node.running_node import NodeParts
from loopixmix.node.runtime import NodeFiles, NodeKind, NodeRuntime, NodeWorld
from loopixmix.observing.status import NodeStatus, read_status
from loopixmix.process.wallclock import ClockWatch
from loopixmix.routing.path import LOOP_SERVICE, choose_path, hops_for, recipient_of, service_id
from loopixmix.seams import Identity
from loopixmix.sphinx import Deliver, Reply, open_payload, use_surb, wrap
from loopixmix.web.calls import one_shot_client
from loopixmix.wire import Frame, LinkRole
from tests.worlds.commands import command_text

FAST = ["--layers", "2", "--delay-mean-s", "0.02", "--node-loop-rate-per-s", "20", "--epoch-length-s", "3600"]
MARK = b"MARKED-PAYLOAD-" + b"\xc3\x28" * 8


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class NodeProcess:
    """`loopixmix ROLE run DIR`, its log in a file."""

    def __init__(self, role: str, directory: Path) -> None:
        self.role = role
        self.directory = directory
        self.log_path = directory.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "loopixmix.main", self.role, "run", str(self.directory)], stderr=log
            )

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    @property
    def status(self) -> NodeStatus | None:
        status = read_status(self.directory)
        return status if status is not None and self.process and status.pid == self.process.pid else None

    @property
    def now(self) -> NodeStatus:
        status = self.status
        assert status is not None, self.log
        return status

    def tell(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        self.process = None
        return code


class SmallProvider:
    """Forwards, ends loops, keeps what is delivered: what mixes need of a provider."""

    def __init__(self, parts: NodeParts) -> None:
        self.parts = parts
        self.delivered: list[bytes] = []
        self.problem: str | None = None
        self.loops = parts.loops
        self.hop = parts.hop
        self.document: Document | None = None

    def prepare(self, document: Document) -> None:
        self.hop.adopt(document)

    def adopt(self, document: Document) -> None:
        self.document = document
        self.hop.adopt(document)
        self.loops.adopt(document)

    def start(self) -> None:
        self.hop.start(self._arrived)
        self.loops.start()
        self.parts.network.start(self._received)

    def stop(self) -> None:
        self.loops.stop()
        self.hop.stop()

    def status(self) -> Mapping[str, str | int | float]:
        return {}

    def send(self, payload: bytes) -> bytes:
        """Send a payload through all layers to this provider; return the first packet."""
        assert self.document is not None
        path = choose_path(
            self.document, entry=self.parts.hop.identity, exit=self.parts.hop.identity, rng=self.parts.rng
        )
        delays_s = (0.0,) * (len(path) - 1)
        hops = hops_for(self.document, path, Deliver(b"r" * 32), delays_s, start_s=self.parts.clock.seconds())
        packet = wrap(hops, payload, sphinx=self.parts.packet_format.sphinx, rng=self.parts.rng)
        self.hop.inject([packet])
        return packet

    def _received(self, peer: Identity, packets: Sequence[bytes], frames: Sequence[Frame]) -> None:
        self.hop.take(peer, packets)

    def _arrived(self, arrived: Arrived) -> DropReason | None:
        match arrived.command:
            case Reply(surb_id=surb_id):
                return self.loops.returned(surb_id, arrived.body)
            case Deliver() as command:
                payload = open_payload(arrived.payload_key, arrived.body, sphinx=self.parts.packet_format.sphinx)
                if recipient_of(command, payload) == service_id(LOOP_SERVICE) and payload.surb is not None:
                    self.hop.inject([use_surb(payload.surb, b"", sphinx=self.parts.packet_format.sphinx)])
                else:
                    self.delivered.append(payload.payload)
                return None
            case _:
                return DropReason.UNEXPECTED_COMMAND


class World:
    """The processes, and the provider in this one."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = NodeProcess("authority", directory / "authority")
        self.mixes = [NodeProcess("mix", directory / name) for name in ("mix1", "mix2")]
        self.ports = {"authority": free_port(), "mix1": free_port(), "mix2": free_port(), "provider": free_port()}
        self.failures: list[LoopixmixError] = []
        self.provider: SmallProvider | None = None
        self.runtime: NodeRuntime | None = None

    @property
    def network_file(self) -> Path:
        return self.directory / "authority" / "network.toml"

    def init(self) -> None:
        counts = ["--open-enrolment", "--expected-mixes", "2", "--expected-providers", "1"]
        listen = f"127.0.0.1:{self.ports['authority']}"
        assert run(["authority", "init", str(self.authority.directory), "--listen", listen, *counts, *FAST]) == 0
        for mix in self.mixes:
            name = mix.directory.name
            listen = f"127.0.0.1:{self.ports[name]}"
            options = ["--name", name, "--listen", listen, "--network", str(self.network_file)]
            assert run(["mix", "init", str(mix.directory), *options]) == 0

    def start(self) -> None:
        self.authority.start()
        for mix in self.mixes:
            mix.start()
        self._start_provider()

    def _start_provider(self) -> None:
        directory = self.directory / "provider"
        rng = random.SystemRandom()
        listen = f"127.0.0.1:{self.ports['provider']}"
        text = node_toml(name="provider", listen=listen, advertise="")
        create_node(directory, config_text=text, config_type=NodeConfig, network=self.network_file, rng=rng)
        config, trust_root, identity_key = load_node(directory, NodeConfig)

        async def make(parts: NodeParts) -> SmallProvider:
            self.provider = SmallProvider(parts)
            return self.provider

        self.runtime = NodeRuntime(
            NodeFiles(directory=directory, config=config, trust_root=trust_root, identity_key=identity_key),
            kind=NodeKind(
                role=Role.PROVIDER,
                link_role=LinkRole.PROVIDER,
                make_service=make,
                services=(LOOP_SERVICE,),
            ),
            world=NodeWorld(
                clock=reactor,
                clock_watch=ClockWatch(reactor),
                rng=rng,
                sockets=TcpSockets(reactor),
                fetcher=TreqFetcher(one_shot_client(reactor), clock=reactor),
                call_from_thread=reactor.callFromThread,
                fail=self.failures.append,
            ),
        )
        self.runtime.start()

    async def wait(self, condition: Callable[[], bool], *, timeout_s: float = 90.0) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline_s, "\n".join(node.log for node in (self.authority, *self.mixes))
            await pause(0.05)

    async def all_healthy(self) -> None:
        await self.wait(lambda: all(mix.status is not None and mix.now.healthy for mix in self.mixes))
        await self.wait(lambda: self.provider is not None and self.provider.document is not None)

    async def stop(self) -> None:
        if self.runtime is not None:
            await self.runtime.stop()
        for node in (*self.mixes, self.authority):
            if node.process is not None:
                node.end(signal.SIGKILL)


def pause(seconds: float) -> Deferred[None]:
    return deferLater(reactor, seconds, lambda: None)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mixes")


@pytest_twisted.async_yield_fixture(scope="module")
async def world(directory: Path) -> AsyncIterator[World]:
    made = World(directory)
    made.init()
    made.start()
    try:
        await made.all_healthy()
        yield made
    finally:
        await made.stop()


@pytest_twisted.ensureDeferred
async def test_packets_cross_the_mixes_and_loops_come_back(world: World) -> None:
    assert world.provider is not None
    for number in range(20):
        world.provider.send(MARK + bytes([number]))
    await world.wait(lambda: len(world.provider.delivered) == 20)
    await world.wait(lambda: all(mix.now.loops.returned > 100 for mix in world.mixes))
    for mix, layer in zip(world.mixes, sorted(mix.now.layer or 0 for mix in world.mixes), strict=True):
        status = mix.now
        assert layer in (1, 2)
        assert status.problem is None
        assert status.loops.lost == 0
        # What was drawn for 100 loops is Gamma: sd of its mean under 10 %. What links and processors add depends on
        # what else this machine does.
        drawn_s = status.loops.mean_s - status.loops.overhead_mean_s
        assert drawn_s == pytest.approx(status.loops.expected_mean_s, rel=0.5)
        assert status.loops.overhead_mean_s > 0
        assert set(status.dropped) <= {"no_link"}
        assert status.links.open >= 2
    assert world.failures == []


@pytest_twisted.ensureDeferred
async def test_a_killed_mix_keeps_its_keys_and_refuses_what_it_saw(world: World) -> None:
    assert world.provider is not None
    first = next(mix for mix in world.mixes if mix.now.layer == 1)
    keys = {path.name: path.read_bytes() for path in (first.directory / "keys").glob("*.key")}
    packet = captured_packet(world)
    await world.wait(lambda: MARK + b"captured" in world.provider.delivered)
    replays = first.now.dropped.get("replay", 0)
    resend(world, first, packet)
    await world.wait(lambda: first.now.dropped.get("replay", 0) == replays + 1)
    first.end(signal.SIGKILL)
    first.start()
    await world.all_healthy()
    assert {path.name: path.read_bytes() for path in (first.directory / "keys").glob("*.key")} == keys
    resend(world, first, packet)
    await world.wait(lambda: first.now.dropped.get("replay", 0) == 1)
    assert world.provider.delivered.count(MARK + b"captured") == 1


def captured_packet(world: World) -> bytes:
    """Send a packet straight to the first mix, as the provider's link carries it, and keep it."""
    provider = world.provider
    assert provider is not None
    assert provider.document is not None
    path = choose_path(
        provider.document, entry=provider.parts.hop.identity, exit=provider.parts.hop.identity, rng=provider.parts.rng
    )[1:]
    delays_s = (0.0,) * (len(path) - 1)
    hops = hops_for(provider.document, path, Deliver(b"r" * 32), delays_s, start_s=time.time())
    packet = wrap(hops, MARK + b"captured", sphinx=provider.parts.packet_format.sphinx, rng=provider.parts.rng)
    provider.parts.network.send(path[0].id, provider.parts.packet_format.frames.packet_frame(packet))
    return packet


def resend(world: World, mix: NodeProcess, packet: bytes) -> None:
    assert world.provider is not None
    parts = world.provider.parts
    assert parts.network.send(bytes.fromhex(mix.now.id), parts.packet_format.frames.packet_frame(packet))


@pytest_twisted.ensureDeferred
async def test_status_is_told_to_people_and_programs(world: World) -> None:
    mix = world.mixes[0]
    shown = command_text("mix", "status", str(mix.directory))
    assert shown.returncode == 0
    assert "health           ok" in shown.stdout
    told = json.loads(command_text("mix", "status", str(mix.directory), "--json").stdout)
    assert told["name"] == "mix1"
    assert told["pid"] == mix.now.pid
    assert {"packets_in", "packets_out", "dropped", "loops", "entropy_bits", "links", "queue"} <= set(told)


@pytest_twisted.ensureDeferred
async def test_a_second_start_names_the_process_that_runs(world: World) -> None:
    mix = world.mixes[0]
    refused = command_text("mix", "run", str(mix.directory))
    assert refused.returncode == 2
    assert refused.stderr == f"loopixmix: {mix.directory}: is in use by process {mix.now.pid}\n"


@pytest_twisted.ensureDeferred
async def test_a_port_in_use_is_one_clear_line(world: World, tmp_path: Path) -> None:
    listen = f"127.0.0.1:{world.ports['mix1']}"
    options = ["--name", "other", "--listen", listen, "--network", str(world.network_file)]
    assert run(["mix", "init", str(tmp_path / "other"), *options]) == 0
    refused = command_text("mix", "run", str(tmp_path / "other"))
    assert refused.returncode == 2
    hint = "does this program, or a copy of it, run already?"
    assert refused.stderr == f'loopixmix: key "listen": cannot listen on {listen}: Address already in use; {hint}\n'


@pytest_twisted.ensureDeferred
async def test_a_changed_configuration_is_taken_up_and_a_broken_one_is_not(world: World) -> None:
    mix = world.mixes[1]
    path = mix.directory / "node.toml"
    good = path.read_text()
    path.write_text(good.replace('format = "text"', 'format = "jsno"'))
    mix.tell(signal.SIGHUP)
    await world.wait(lambda: "the configuration stays as it was" in mix.log)
    path.write_text(good.replace('format = "text"', 'format = "json"'))
    mix.tell(signal.SIGHUP)
    await world.wait(lambda: "the configuration was read again" in mix.log)
    told = [json.loads(line) for line in mix.log.splitlines() if line.startswith("{")]
    assert "the configuration was read again" in [event["message"] for event in told]
    await world.wait(lambda: mix.now.healthy)


@pytest_twisted.ensureDeferred
async def test_a_withdrawn_mix_serves_on_and_says_so(world: World) -> None:
    mix = world.mixes[1]
    asked = command_text("mix", "withdraw", str(mix.directory))
    assert asked.returncode == 0
    await world.wait(lambda: (mix.now.problem or "").startswith("withdrawn"))
    returned = mix.now.loops.returned
    await world.wait(lambda: mix.now.loops.returned > returned + 5)


@pytest_twisted.ensureDeferred
async def test_no_log_holds_a_mark_a_key_or_who_sent_what(world: World) -> None:
    for mix in world.mixes:
        private = [path.read_text().split()[2] for path in (mix.directory / "keys").glob("*.key")]
        secrets = [(mix.directory / "identity.key").read_text().strip(), *private]
        assert private
        marks = ["MARKED", MARK.hex(), world.provider.parts.hop.identity.hex(), *secrets]
        assert [mark[:8] for mark in marks if mark in mix.log] == []


@pytest_twisted.ensureDeferred
async def test_asked_to_end_a_mix_ends_well_and_leaves_its_files_in_order(world: World) -> None:
    mix = world.mixes[0]
    assert mix.end() == 0
    assert read_status(mix.directory) is None
    assert "Traceback" not in mix.log
    gone = command_text("mix", "status", str(mix.directory))
    assert gone.returncode == 1
    assert gone.stderr == f"loopixmix: {mix.directory}: no node runs here\n"
    mix.start()
    await world.wait(lambda: mix.status is not None)
    mix.end(signal.SIGKILL)
    gone = command_text("mix", "status", str(mix.directory))
    assert gone.returncode == 1
    assert "it was killed then, or the directory is a copy" in gone.stderr


@pytest.fixture(scope="module")
def network_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("authority") / "authority"
    assert run(["authority", "init", str(directory), "--listen", "127.0.0.1:9", "--open-enrolment"]) == 0
    return directory / "network.toml"


@pytest.fixture
def made_mix(tmp_path: Path, network_file: Path) -> Path:
    options = ["--name", "mix1", "--listen", f"127.0.0.1:{free_port()}", "--network", str(network_file)]
    assert run(["mix", "init", str(tmp_path / "mix"), *options]) == 0
    return tmp_path / "mix"


def test_what_init_makes_passes_the_check_and_is_private(made_mix: Path) -> None:
    checked = command_text("mix", "run", str(made_mix), "--check-config")
    assert checked.returncode == 0
    assert "good" in checked.stdout
    assert made_mix.stat().st_mode & 0o777 == 0o700
    assert (made_mix / "identity.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        (
            "node.toml",
            "threads = 0|thread = 0",
            'unknown key "thread" in [work] (allowed: engine, threads, batch_packets',
        ),
        (
            "node.toml",
            'level = "info"|level = "loud"',
            "key \"log.level\": invalid enum value 'loud' (allowed: debug, error, info, warn)",
        ),
        ("node.toml", 'name = "mix1"|name = "MIX 1"', 'key "name": expected a name of 1 to 63 letters a-z'),
        ("node.toml", "drain_s = 5.0|drain_s = -1", 'key "limits.drain_s": expected a number >= 0'),
        ("identity.key", "|x", "is not an identity key"),
        ("network.toml", "threshold = 1|threshold = 2", "threshold (2) is more than the authorities (1)"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_it(
    made_mix: Path, capsys: pytest.CaptureFixture[str], name: str, change: str, expected: str
) -> None:
    path = made_mix / name
    before, after = change.split("|")
    path.write_text(path.read_text().replace(before, after, 1) if before else after)
    capsys.readouterr()
    assert run(["mix", "run", str(made_mix), "--check-config"]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"loopixmix: {path}: ")
    assert expected in told
    assert told.count("\n") == 1


def test_damaged_keys_and_tags_are_one_line_that_says_what_to_do(made_mix: Path) -> None:
    process = NodeProcess("mix", made_mix)
    process.start()
    deadline_s = time.monotonic() + 20
    while process.status is None and time.monotonic() < deadline_s:
        time.sleep(0.05)
    process.end()
    tags, key = min((made_mix / "keys").glob("*.replay")), min((made_mix / "keys").glob("*.key"))
    whole = tags.read_bytes()
    tags.write_bytes(b"x" + whole[1:])
    refused = command_text("mix", "run", str(made_mix))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert f"{tags} is damaged at byte 0" in refused.stderr
    tags.write_bytes(whole)
    key.write_text("nonsense")
    refused = command_text("mix", "run", str(made_mix))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert f"{key} is damaged: delete it" in refused.stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--name", "Mix", "--listen", "127.0.0.1:1"], 'node.toml: key "name"'),
        (["--name", "mix", "--listen", "127.0.0.1"], "is not an address like"),
        (["--name", "mix", "--listen", "0.0.0.0:1"], 'say with "advertise"'),
        (["--name", "mix"], "Missing option '--listen'"),
    ],
)
def test_init_refuses_bad_input_and_makes_nothing(
    tmp_path: Path, network_file: Path, capsys: pytest.CaptureFixture[str], options: list[str], expected: str
) -> None:
    assert run(["mix", "init", str(tmp_path / "mix"), "--network", str(network_file), *options]) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "mix").exists()


def test_init_never_overwrites(made_mix: Path, network_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--name", "mix1", "--listen", "127.0.0.1:1", "--network", str(network_file)]
    assert run(["mix", "init", str(made_mix), *options]) == 2
    assert "exists already and is never overwritten" in capsys.readouterr().err


def test_a_directory_that_cannot_be_written_is_one_clear_line(made_mix: Path) -> None:
    if os.getuid() == 0:
        pytest.skip("root may write everywhere")
    made_mix.chmod(0o500)
    refused = command_text("mix", "run", str(made_mix))
    assert refused.returncode == 2
    assert "cannot be written: Permission denied" in refused.stderr
