"""A node in its directory, with authorities and links in memory: from the first start to the last."""

from __future__ import annotations

import random
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from loopixmix.authority.config import trust_root_toml
from loopixmix.directory import Descriptor, Document, Role
from loopixmix.epoch import epoch_at
from loopixmix.errors import ConfigError, ListenError, LoopixmixError, StoreError
from loopixmix.keyring.keyring import MixKeyring
from loopixmix.keyring.keystore import KeyFiles
from loopixmix.net.address import PeerAddress
from loopixmix.net.limits import LinkLimits
from loopixmix.net.links.tls import TlsNetwork
from loopixmix.net.reception import Reception
from loopixmix.node.config import KEYS_DIRECTORY, NodeConfig, load_node, node_toml
from loopixmix.node.running_node import MakeService, NodeParts, NodeService
from loopixmix.node.runtime import (
    OTHER_DESCRIPTORS,
    NodeFiles,
    NodeKind,
    NodeRuntime,
    NodeWorld,
    fitting_links,
)
from loopixmix.node.status import AVERAGED_REPORTS
from loopixmix.node.wiring import make_mix
from loopixmix.observing.status import NodeStatus, read_status
from loopixmix.params import NetworkParams
from loopixmix.process.files import create_file
from loopixmix.process.status import StatusFile, StatusReporter
from loopixmix.process.wallclock import ClockWatch
from loopixmix.routing.packets import PacketFormat
from loopixmix.routing.path import Neighbourhood
from loopixmix.seams import LoopLost, PacketIn
from loopixmix.sphinx import load_arithmetic
from loopixmix.tokens import TokenKey
from loopixmix.wire import LinkRole
from tests.worlds.networks.authorities import FakeAuthorities
from tests.worlds.networks.links import MemorySockets, RecordingObserver
from tests.worlds.networks.models import NOW_S, ModelNode, model_network

PARAMS = NetworkParams(layers=1, delay_mean_s=0.05, node_loop_rate_per_s=1e-6, epoch_length_s=3600, grace_s=7)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


TokenKeys: TypeAlias = Callable[[Path, float], Sequence[TokenKey]]


def no_keys(_directory: Path, _now_s: float) -> Sequence[TokenKey]:
    return ()


class Bench:
    """The directory of mix11, the authorities, and the provider it has links to."""

    def __init__(self, tmp_path: Path) -> None:
        self.clock = Clock()
        self.clock.rightNow = NOW_S + 10.0
        self.sockets = MemorySockets(self.clock)
        self.model = model_network(random.Random(1), params=PARAMS, mixes_per_layer=1, providers=1)
        self.authorities = FakeAuthorities(self.model, self.clock)
        self.failures: list[LoopixmixError] = []
        self.keys: dict[int, bytes] = {}
        self.directory = tmp_path / "mix11"
        self.port = free_port()
        self._make_directory(self.model.node("mix11"))
        self.runtime = self.make_runtime()
        self.reporter: StatusReporter | None = None
        self.provider: TlsNetwork | None = None

    def _make_directory(self, node: ModelNode) -> None:
        self.directory.mkdir(mode=0o700)
        text = node_toml(name=node.name, listen=f"127.0.0.1:{self.port}", advertise="mix11.example:30001")
        create_file(self.directory / "node.toml", text.replace("threads = 0", "threads = 1").encode())
        create_file(self.directory / "identity.key", node.identity_key.seed.hex().encode())
        create_file(self.directory / "network.toml", trust_root_toml(self.model.trust_root).encode())

    def make_runtime(self, make_service: MakeService = make_mix, *, token_keys: TokenKeys = no_keys) -> NodeRuntime:
        config, trust_root, identity_key = load_node(self.directory, NodeConfig)
        return NodeRuntime(
            NodeFiles(directory=self.directory, config=config, trust_root=trust_root, identity_key=identity_key),
            kind=NodeKind(role=Role.MIX, link_role=LinkRole.MIX, make_service=make_service, token_keys=token_keys),
            world=NodeWorld(
                clock=self.clock,
                clock_watch=ClockWatch(self.clock, monotonic=self.clock.seconds),
                rng=random.Random(2),
                sockets=self.sockets,
                fetcher=self.authorities,
                call_from_thread=lambda *_: None,
                fail=self.failures.append,
            ),
        )

    def publish(self, epoch: int, change: Callable[[Document], Document] = lambda document: document) -> Document:
        """Publish a document with the address and the keys of this very node."""
        if not self.keys:
            length_s, now_s = PARAMS.epoch_length_s, self.clock.seconds()
            files = KeyFiles(self.directory / KEYS_DIRECTORY)
            keyring = MixKeyring(
                files, rng=random.Random(4), epoch_length_s=length_s, grace_s=length_s / 2, max_tags=1000
            ).open(now_s)
            self.keys = keyring.public_keys(now_s)
            keyring.close()

        def with_us(document: Document) -> Document:
            place = PeerAddress("mix11.example", 30001)
            own = {number: self.keys[number] for number in document.epochs}
            nodes = [
                msgspec.structs.replace(node, host=place.host, port=place.port, mix_keys=own)
                if node.name == "mix11"
                else node
                for node in document.nodes
            ]
            return change(msgspec.structs.replace(document, nodes=tuple(nodes)))

        return self.authorities.publish(epoch, with_us)

    def start(self) -> None:
        """Begin, and report as the process does."""
        self.runtime.start()
        file = StatusFile(self.directory)
        self.reporter = StatusReporter(
            file, status=self.runtime.status, clock=self.clock, in_thread=lambda work: work()
        )
        self.reporter.start()

    def run(self, seconds: float) -> None:
        for _ in range(int(seconds * 10)):
            self.clock.advance(0.1)

    def run_provider(self, params: NetworkParams = PARAMS) -> None:
        """Listen where the document says that the provider does."""
        node = self.model.node("provider1")
        self.provider = TlsNetwork(
            identity_key=node.identity_key,
            network_id=self.model.trust_root.network_id,
            reception=Reception(
                PacketFormat.for_network(params, arithmetic=load_arithmetic()).frames,
                own=LinkRole.PROVIDER,
                role_of=lambda _: LinkRole.MIX,
            ),
            limits=LinkLimits(),
            sockets=self.sockets,
            clock=self.clock,
            rng=random.Random(3),
            observer=RecordingObserver(),
        )
        self.provider.listen("127.0.0.1", node.port)

    @property
    def status(self) -> NodeStatus:
        status = read_status(self.directory)
        assert status is not None
        return status

    @property
    def uploads(self) -> list[Descriptor]:
        return [descriptor for _, _, descriptor in self.authorities.uploads]

    def stop(self) -> None:
        """Stop everything; nothing is left."""
        if self.provider is not None:
            self.provider.stop()
            self.provider = None
        stopped = Deferred.fromCoroutine(self.runtime.stop())
        self.run(8.0)
        assert stopped.called
        if self.reporter is not None:
            self.reporter.stop()
            self.reporter = None
        assert self.clock.getDelayedCalls() == []
        assert self.sockets.listeners == {}
        assert not (self.directory / "status.json").exists()
        assert [thread.name for thread in threading.enumerate() if thread.name == "unwrapping"] == []


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.stop()


def test_a_node_enrols_with_its_keys_and_says_that_it_waits(bench: Bench) -> None:
    bench.start()
    bench.run(2.0)
    (descriptor, *_) = bench.uploads
    assert (descriptor.name, descriptor.role, descriptor.services) == ("mix11", Role.MIX, ())
    assert (descriptor.host, descriptor.port) == ("mix11.example", 30001)
    assert list(descriptor.mix_keys) == [bench.model.epoch + ahead for ahead in range(3)]
    status = bench.status
    assert not status.healthy
    assert (status.problem or "").startswith("no network document yet")
    assert (status.name, status.layer, status.epoch) == ("mix11", None, bench.model.epoch)


def test_with_document_and_links_a_node_is_healthy(bench: Bench) -> None:
    bench.publish(bench.model.epoch)
    bench.start()
    bench.run(2.0)
    assert (bench.status.problem or "").startswith("no link to provider1 at 127.0.0.1:")
    bench.run_provider()
    bench.run(40.0)
    status = bench.status
    assert status.healthy, status.problem
    assert (status.layer, status.links.open, status.problem) == (1, 1, None)
    assert status.extra["threads"] == 1
    assert status.engine in ("native", "reference")
    assert {peer.port for peer in bench.sockets.listeners} == {bench.port, bench.model.node("provider1").port}


def test_a_node_outside_the_document_says_so(bench: Bench) -> None:
    own = bench.model.node("mix11").id
    other = msgspec.structs.replace(bench.model.document.node(own), id=b"\x01" * 32, name="mix9")

    def without_us(document: Document) -> Document:
        nodes = [other if node.id == own else node for node in document.nodes]
        return msgspec.structs.replace(document, nodes=tuple(sorted(nodes, key=lambda node: node.id)))

    bench.publish(bench.model.epoch, without_us)
    bench.start()
    bench.run(2.0)
    assert bench.status.problem == "this node is not in the network document yet"


def test_a_restart_takes_up_the_document_it_knew_and_the_same_keys(bench: Bench) -> None:
    bench.publish(bench.model.epoch)
    bench.start()
    bench.run(2.0)
    keys = bench.uploads[0].mix_keys
    bench.stop()
    bench.authorities.down = {"127.0.0.1:9000"}
    bench.runtime = bench.make_runtime()
    bench.start()
    bench.run(2.0)
    assert bench.status.layer == 1
    assert {peer.port for peer in bench.sockets.listeners} == {bench.port}
    bench.authorities.down = set()
    bench.run(60.0)
    assert bench.uploads[-1].mix_keys == keys


def test_before_an_edge_a_node_knows_its_next_neighbours_and_a_restart_changes_nothing(bench: Bench) -> None:
    own = bench.model.node("provider1").id
    newcomer = msgspec.structs.replace(bench.model.document.node(own), id=b"\x01" * 32, name="provider9")
    neighbourhoods: list[Neighbourhood] = []

    def with_newcomer(document: Document) -> Document:
        nodes = [newcomer if node.id == own else node for node in document.nodes]
        return msgspec.structs.replace(document, nodes=tuple(sorted(nodes, key=lambda node: node.id)))

    async def make_and_note(parts: NodeParts) -> NodeService:
        neighbourhoods.append(parts.hop.neighbourhood)
        return await make_mix(parts)

    bench.publish(bench.model.epoch)
    bench.publish(bench.model.epoch + 1, with_newcomer)
    bench.runtime = bench.make_runtime(make_and_note)
    bench.start()
    bench.run(2.0)
    assert neighbourhoods[0].next_hops == {own}
    bench.clock.rightNow = NOW_S + 3600 - 70.0
    bench.run(5.0)
    assert neighbourhoods[0].next_hops == {own, newcomer.id}
    bench.stop()
    bench.authorities.down = {"127.0.0.1:9000"}
    bench.runtime = bench.make_runtime(make_and_note)
    bench.start()
    bench.run(2.0)
    assert [each.next_hops for each in neighbourhoods[1:]] == [{own, newcomer.id}]


def test_the_grace_of_the_document_decides_when_a_key_is_erased(bench: Bench) -> None:
    bench.publish(bench.model.epoch)
    bench.publish(bench.model.epoch + 1)
    bench.start()
    bench.run(2.0)
    first = bench.directory / "keys" / f"{bench.model.epoch}.key"
    bench.clock.rightNow = NOW_S + 3600 + PARAMS.grace_s - 1
    bench.run(0.5)
    assert first.exists()
    bench.run(62.0)
    assert not first.exists()


def test_a_restart_erases_no_key_that_is_still_in_the_grace_of_the_document(bench: Bench) -> None:
    bench.publish(bench.model.epoch)
    bench.start()
    bench.run(2.0)
    bench.stop()
    first = bench.directory / "keys" / f"{bench.model.epoch}.key"
    # The keys are opened before any document tells the grace.
    bench.clock.rightNow = NOW_S + 3600 + PARAMS.grace_s - 3
    bench.runtime = bench.make_runtime()
    bench.start()
    bench.run(1.0)
    assert first.exists()
    bench.run(70.0)
    assert not first.exists()


def test_packets_of_another_size_in_the_next_epoch_make_new_links(bench: Bench) -> None:
    bigger = msgspec.structs.replace(PARAMS, payload_bytes=4096)
    bench.publish(bench.model.epoch)
    bench.publish(bench.model.epoch + 1, lambda document: msgspec.structs.replace(document, params=bigger))
    bench.start()
    bench.run_provider(bigger)
    bench.run(5.0)
    assert not bench.status.healthy
    bench.clock.rightNow = NOW_S + 3600.0
    bench.run(60.0)
    assert bench.status.healthy, bench.status.problem
    assert bench.failures == []


def test_a_service_that_cannot_start_ends_the_process_with_its_reason(bench: Bench) -> None:
    async def fail(parts: NodeParts) -> NodeService:
        raise StoreError("mailboxes are damaged")

    bench.runtime = bench.make_runtime(fail)
    bench.publish(bench.model.epoch)
    bench.start()
    bench.run(2.0)
    assert [str(error) for error in bench.failures] == ["mailboxes are damaged"]


def test_a_defect_ends_the_process_with_a_line(bench: Bench) -> None:
    async def fail(parts: NodeParts) -> NodeService:
        raise RuntimeError("a defect")

    bench.runtime = bench.make_runtime(fail)
    bench.publish(bench.model.epoch)
    bench.start()
    bench.run(2.0)
    assert [str(error) for error in bench.failures] == ["a defect stopped the node; the log has more"]


def test_a_withdrawn_node_has_asked_for_it_and_says_so(bench: Bench) -> None:
    bench.publish(bench.model.epoch)
    bench.start()
    bench.run(2.0)
    bench.runtime.withdraw()
    bench.run(2.0)
    assert bench.uploads[-1].withdrawn
    assert (bench.status.problem or "").startswith("withdrawn")


def test_a_withdrawal_that_failed_is_none(bench: Bench) -> None:
    bench.publish(bench.model.epoch)
    bench.start()
    bench.run(2.0)
    bench.authorities.down = {"127.0.0.1:9000"}
    bench.runtime.withdraw()
    bench.run(2.0)
    assert "withdrawn" not in (bench.status.problem or "")


def test_lost_loops_and_low_traffic_are_told(bench: Bench) -> None:
    bench.publish(bench.model.epoch)
    bench.run_provider()
    bench.start()
    bench.run(5.0)
    assert bench.status.healthy, bench.status.problem
    node = bench.runtime._node
    assert node is not None
    for _ in range(10):
        node.counters.observe(LoopLost(0.0))
    bench.run(2.0)
    assert (bench.status.problem or "").startswith("10 of the last 10 loops were lost")
    assert "warning" not in bench.status.extra
    bench.run(AVERAGED_REPORTS + 1)
    assert str(bench.status.extra["warning"]).startswith("low traffic: 0.0 packets")
    for _ in range(10):
        node.counters.observe(PacketIn(0.0, b"p" * 32, b"t" * 16))
    bench.run(AVERAGED_REPORTS + 1)
    assert "warning" not in bench.status.extra


def test_a_port_in_use_leaves_nothing_running(bench: Bench) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", bench.port))
        busy.listen()
        bench.runtime = bench.make_runtime()
        with pytest.raises(ListenError, match="Address already in use"):
            bench.runtime.start()
    bench.runtime = bench.make_runtime()
    bench.start()


def test_stopping_while_the_first_document_is_being_fetched_leaves_nothing(bench: Bench) -> None:
    bench.authorities.silent = True
    bench.start()
    bench.run(1.0)


def test_stopping_twice_is_stopping_once(bench: Bench) -> None:
    bench.publish(bench.model.epoch)
    bench.start()
    bench.run(1.0)
    first = Deferred.fromCoroutine(bench.runtime.stop())
    bench.runtime.hurry()
    bench.run(2.0)
    assert first.called


def test_read_again_the_configuration_counts_unless_it_is_wrong(bench: Bench) -> None:
    bench.start()
    config = bench.directory / "node.toml"
    good = config.read_text()
    config.write_text(good.replace('level = "info"', 'level = "debug"'))
    bench.runtime.reload()
    assert bench.runtime.log_settings.level == "debug"
    # The other key that is marked (SIGHUP) in the file.
    config.write_text(good.replace('level = "info"', 'level = "debug"').replace("drain_s = 5.0", "drain_s = 7.0"))
    bench.runtime.reload()
    assert bench.runtime._drain_s == 7
    config.write_text(good.replace('level = "info"', 'level = "loud"'))
    with pytest.raises(ConfigError, match=r"log\.level"):
        bench.runtime.reload()
    assert bench.runtime.log_settings.level == "debug"
    assert signal.SIGUSR1 in bench.runtime.signals


def test_a_node_has_as_many_links_as_the_system_lets_it() -> None:
    assert fitting_links(4096, allowed=4096 + OTHER_DESCRIPTORS) == 4096
    assert fitting_links(4096, allowed=4096) == 4096 - OTHER_DESCRIPTORS
    with pytest.raises(ConfigError, match="the system lets this process open 1024 files: a node needs 1025 or more"):
        fitting_links(4096, allowed=1024)


def test_a_node_that_gets_fewer_links_than_its_operator_wants_says_so_at_the_start(bench: Bench) -> None:
    events: list[LogEvent] = []
    config = bench.directory / "node.toml"
    config.write_text(config.read_text().replace("links = 4096", "links = 2000000000"))
    bench.runtime = bench.make_runtime()
    globalLogPublisher.addObserver(events.append)
    bench.start()
    globalLogPublisher.removeObserver(events.append)
    said = [formatEvent(event) for event in events if "limits.links" in formatEvent(event)]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert said == [
        f"limits.links is 2000000000, but the system lets this process have {hard - OTHER_DESCRIPTORS} incoming links "
        "at most: raise its limit of open files (LimitNOFILE of systemd, ulimit -Hn) to 2000001024"
    ]


def test_after_a_sleep_it_describes_keys_that_it_has_for_now(bench: Bench) -> None:
    bench.start()
    bench.run(1.0)
    # No timer has fired yet: enrolling may come first.
    bench.clock.rightNow += 5 * PARAMS.epoch_length_s
    assert bench.runtime.withdraw().called
    present = epoch_at(bench.clock.seconds(), PARAMS.epoch_length_s)
    assert bench.uploads[-1].withdrawn
    assert list(bench.uploads[-1].mix_keys) == [present, present + 1, present + 2]


def test_a_defect_for_which_it_cannot_enrol_is_told_and_ends_nothing(bench: Bench) -> None:
    def broken(_directory: Path, _now_s: float) -> Sequence[TokenKey]:
        raise ValueError("no keys today")

    bench.runtime = bench.make_runtime(token_keys=broken)
    bench.start()
    assert bench.failures == []
    status = bench.runtime.status()
    assert status is not None
    assert "enrolling failed, and is tried again: no keys today" in (status.problem or "")
