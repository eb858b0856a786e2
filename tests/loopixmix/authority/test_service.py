"""The authority on a clock together with real followers, its routes in memory."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from loopixmix.authority.authority import Authority
from loopixmix.authority.config import AuthorityConfig
from loopixmix.authority.http import DirectoryApi, RateLimit
from loopixmix.authority.service import AuthorityService
from loopixmix.authority.store import AuthorityStore
from loopixmix.directory import Document, sign_descriptor
from loopixmix.errors import PeerError, UnavailableError
from loopixmix.following.authorities import Authorities
from loopixmix.following.cache import DocumentCache
from loopixmix.following.enrolment import Enroller, Enrolment
from loopixmix.following.fetcher import Answer
from loopixmix.following.follower import DirectoryFollower
from loopixmix.observing.status import NodeStatus
from loopixmix.process.status import StatusFile, StatusReporter
from tests.worlds.networks.authorities import describer
from tests.worlds.networks.models import NOW_S, model_network
from tests.worlds.networks.offers import mail_offer

NETWORK = model_network(random.Random(1))
HOUR_S = 3600


class RoutesFetcher:
    """The `DocumentFetcher` that goes through an authority's routes without a network."""

    def __init__(self, api: DirectoryApi, *, is_there: Callable[[], bool] = lambda: True) -> None:
        self._treq = StubTreq(api.app.resource())
        self._is_there = is_there

    async def get(self, url: str, *, limit_bytes: int) -> Answer:
        self._check_there()
        response = await self._treq.get(url)
        return Answer(response.code, await response.content())

    async def put(self, url: str, body: bytes, *, limit_bytes: int) -> Answer:
        self._check_there()
        response = await self._treq.put(url, data=body)
        return Answer(response.code, await response.content())

    def _check_there(self) -> None:
        if not self._is_there():
            raise UnavailableError("nobody answers")


@dataclass
class World:
    """An authority and the followers of all nodes on one clock."""

    directory: Path
    clock: Clock = field(default_factory=Clock)
    just_set: bool = False
    is_there: bool = True

    def __post_init__(self) -> None:
        self.clock.advance(NOW_S + 10)
        config = AuthorityConfig(
            listen="127.0.0.1:9000",
            params=NETWORK.params,
            open_enrolment=True,
            expected_mixes=6,
            expected_providers=2,
        )
        self.service = AuthorityService(
            Authority(
                config,
                identity_key=NETWORK.authority,
                trust_root=NETWORK.trust_root,
                store=AuthorityStore(self.directory / "state"),
                started_s=self.clock.seconds(),
            ),
            identity=NETWORK.authority.public,
            trust_root=NETWORK.trust_root,
            clock=self.clock,
            was_just_set=lambda: self.just_set,
        )
        self.api = DirectoryApi(self.service, uploads=RateLimit(600, now_s=self.clock.seconds))
        self.adopted: dict[str, list[Document]] = {}
        self.followers = {node.name: self.follower(node.name) for node in NETWORK.nodes}

    def follower(self, name: str) -> DirectoryFollower:
        node = NETWORK.node(name)
        self.adopted[name] = []
        rng = random.Random(node.id)
        authorities = Authorities(
            NETWORK.trust_root, fetcher=RoutesFetcher(self.api, is_there=lambda: self.is_there), rng=rng
        )
        enrolment = Enrolment(node.identity_key, describer(NETWORK, node))
        return DirectoryFollower(
            authorities,
            cache=DocumentCache(self.directory / f"{name}.document"),
            clock=self.clock,
            rng=rng,
            adopt=self.adopted[name].append,
            enroller=Enroller(enrolment, authorities=authorities, clock=self.clock, rng=rng),
        )

    def run_until(self, offset_s: float, step_s: float = 5.0) -> None:
        while self.clock.seconds() < NOW_S + offset_s:
            self.clock.advance(min(step_s, NOW_S + offset_s - self.clock.seconds()))

    def stop(self) -> None:
        self.service.stop()
        for follower in self.followers.values():
            Deferred.fromCoroutine(follower.stop())
        assert self.clock.getDelayedCalls() == []


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_network_comes_up_and_goes_through_epochs_together(world: World) -> None:
    world.service.start()
    assert not world.service.status.healthy
    for follower in world.followers.values():
        follower.start()
    world.run_until(30)
    assert world.service.status.healthy
    world.run_until(4 * HOUR_S + 10)
    epochs = [document.epoch - NETWORK.epoch for document in world.adopted["mix11"]]
    assert epochs == [0, 1, 2, 3, 4]
    assert all(adopted == world.adopted["mix11"] for adopted in world.adopted.values())
    assert all(follower.problem is None for follower in world.followers.values())
    status = world.service.status
    assert (status.name, status.role, status.healthy) == ("authority", "authority", True)
    assert status.extra["nodes_in_document"] == 8
    assert status.extra["mixes_enrolled"] == 6
    assert status.written_at_s == world.clock.seconds()
    world.stop()


def test_a_withdrawn_node_is_gone_with_the_next_document(world: World) -> None:
    world.service.start()
    for follower in world.followers.values():
        follower.start()
    world.run_until(100)
    withdrawn = Deferred.fromCoroutine(world.followers["mix22"].withdraw())
    assert withdrawn.called
    world.run_until(HOUR_S + 10)
    names = {node.name for node in world.adopted["mix11"][-1].nodes}
    assert names == {node.name for node in NETWORK.nodes} - {"mix22"}
    world.stop()


def test_a_status_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.service.start()
    reported: list[NodeStatus] = []

    def status() -> NodeStatus:
        reported.append(world.service.status)
        return reported[-1]

    gone = StatusFile(tmp_path / "gone")
    reporter = StatusReporter(gone, status=status, clock=world.clock, in_thread=lambda work: work())
    reporter.start()
    world.run_until(15)
    assert len(reported) >= 2
    assert reported[-1].written_at_s > reported[0].written_at_s
    reporter.stop()
    world.stop()


def test_a_disk_that_is_full_makes_the_authority_unhealthy_until_it_is_not(world: World) -> None:
    documents = world.directory / "state" / "documents"
    documents.rmdir()
    world.service.start()
    for follower in world.followers.values():
        follower.start()
    world.run_until(20)
    assert "cannot be written" in (world.service.status.problem or "")
    documents.mkdir()
    world.run_until(40)
    assert world.service.status.healthy
    world.stop()


def test_uploads_are_limited_for_each_address_and_recover_with_time() -> None:
    clock = Clock()
    limit = RateLimit(6, now_s=clock.seconds)
    assert [limit.allows("192.0.2.1") for _ in range(7)] == [True] * 6 + [False]
    assert limit.allows("192.0.2.2")
    clock.advance(10)
    assert [limit.allows("192.0.2.1") for _ in range(2)] == [True, False]
    assert [limit.allows(f"2001:db8::{number}") for number in range(7)] == [True] * 6 + [False]
    for number in range(5000):
        limit.allows(f"10.{number % 20}.{number // 250}.{number % 250}")
    assert len(limit._buckets) <= 4096


def test_what_a_route_does_not_take_is_refused(world: World) -> None:
    fetcher = StubTreq(world.api.app.resource())
    for method, path, status in [
        ("GET", "/", 404),
        ("GET", "/v1/documents/current", 404),
        ("GET", "/v1/documents/12", 404),
        ("GET", "/v1/documents/-1", 404),
        ("GET", "/v1/documents/1.5", 404),
        ("GET", "/v2/documents/current", 404),
        ("DELETE", "/v1/documents/current", 405),
        ("PUT", "/v1/descriptors", 400),
    ]:
        codes: list[int] = []
        request = fetcher.request(method, f"http://127.0.0.1:9000{path}", data=b"x" if method == "PUT" else None)
        request.addCallback(lambda response, codes=codes: codes.append(response.code))
        fetcher.flush()
        assert codes == [status], (method, urlsplit(path).path)


def test_mail_domains_that_are_left_out_are_logged_once(world: World) -> None:
    node, lines = NETWORK.node("provider1"), list[str]()

    def keep(event: LogEvent) -> None:
        lines.extend([formatEvent(event)] if "mail domains" in formatEvent(event) else [])

    def accept(count: int, *domains: str) -> None:
        described = describer(NETWORK, node)(int(world.clock.seconds() * 1000) + count)
        offer = mail_offer(dict.fromkeys(domains))
        world.service.accept(sign_descriptor(msgspec.structs.replace(described, mail=offer), node.identity_key))

    globalLogPublisher.addObserver(keep)
    try:
        for count in range(3):
            accept(count, "example.org")
        assert len(lines) == 1
        assert lines[0].endswith("left out of the network document: example.org is not under [[domains]]")
        accept(3)
        accept(4, "example.org")
        assert len(lines) == 2
    finally:
        globalLogPublisher.removeObserver(keep)


def test_the_status_lists_whom_it_refused_until_it_takes_them(world: World) -> None:
    node, lines = NETWORK.node("mix11"), list[str]()

    def upload(ahead_s: float, *, signed_by: str = "mix11") -> None:
        described = describer(NETWORK, node)(int((world.clock.seconds() + ahead_s) * 1000))
        signed = sign_descriptor(described, node.identity_key)
        if signed_by != "mix11":
            signed = signed[:-1] + bytes([signed[-1] ^ 1])
        world.service.accept(signed)

    def keep(event: LogEvent) -> None:
        lines.extend([formatEvent(event)] if formatEvent(event).startswith("refused") else [])

    globalLogPublisher.addObserver(keep)
    try:
        for _ in range(3):
            with pytest.raises(PeerError):
                upload(7200.0)
        assert "mix mix11 (" in str(world.service.status.extra["refused"])
        assert "issued 7200 s in the future" in str(world.service.status.extra["refused"])
        assert len(lines) == 1
        upload(0.0)
        assert "refused" not in world.service.status.extra
        # What somebody else says in its name is not its own.
        with pytest.raises(PeerError):
            upload(7200.0, signed_by="a stranger")
        assert "refused" not in world.service.status.extra
    finally:
        globalLogPublisher.removeObserver(keep)


def test_a_turn_that_comes_before_word_of_the_wrong_clock_forgets_no_node(world: World) -> None:
    world.service.start()
    for follower in world.followers.values():
        follower.start()
    world.run_until(30)
    for follower in world.followers.values():
        Deferred.fromCoroutine(follower.stop())
    right_s = world.clock.rightNow
    world.clock.rightNow, world.just_set = right_s + 24 * HOUR_S, True
    world.clock.advance(1.0)
    world.just_set = False
    world.clock.advance(60.0)
    world.clock.rightNow = right_s + 61.0
    world.service.clock_was_set()
    assert world.service.status.extra["mixes_enrolled"] == 6
    assert world.service.status.problem is None
    world.service.stop()


def test_after_an_outage_of_hours_the_network_is_back_within_a_minute(world: World) -> None:
    world.service.start()
    for follower in world.followers.values():
        follower.start()
    world.run_until(30)
    world.is_there = False
    world.run_until(4 * HOUR_S)
    assert all(follower.document is None for follower in world.followers.values())
    world.is_there = True
    world.run_until(4 * HOUR_S + 60, step_s=0.5)
    assert [follower.problem for follower in world.followers.values()] == [None] * len(world.followers)
    world.stop()
