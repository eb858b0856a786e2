"""The routes of an authority, spoken to in raw HTTP: who is refused, and how."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel, globalLogPublisher

from loopixmix.authority.http import (
    IDLE_TIMEOUT_S,
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_ADDRESS,
    DirectoryApi,
    EnrolledAddresses,
    RateLimit,
    directory_factory,
)
from loopixmix.directory import (
    MAX_DESCRIPTOR_BYTES,
    DescriptorExpired,
    DescriptorNameTaken,
    DescriptorNotAllowed,
    DescriptorReplayed,
)
from loopixmix.errors import FormatError, PeerError, StoreError
from tests.worlds.clients.memory_web import MemoryWeb, RawConversation, converse, request_bytes

PORT = 9000


class Source:
    """The authority behind the routes, which does as it is told."""

    def __init__(self) -> None:
        self.error: PeerError | StoreError | None = None
        self.accepted: list[bytes] = []
        self.documents = {7: b"the document of epoch 7"}

    def accept(self, signed: bytes) -> None:
        if self.error is not None:
            raise self.error
        self.accepted.append(signed)

    def document(self, epoch: int) -> bytes | None:
        return self.documents.get(epoch)

    def current(self) -> bytes | None:
        return self.documents.get(7)


class Bench:
    """The routes in memory."""

    def __init__(self, uploads_per_minute: int = 600) -> None:
        self.clock = Clock()
        self.web = MemoryWeb(self.clock)
        self.source = Source()
        self.enrolled = EnrolledAddresses()
        uploads = RateLimit(uploads_per_minute, now_s=self.clock.seconds)
        api = DirectoryApi(self.source, uploads=uploads, enrolled=self.enrolled)
        self.web.listen("127.0.0.1", PORT, directory_factory(api, clock=self.clock))

    def ask(self, method: str, path: str, body: bytes = b"") -> RawConversation:
        return converse(self.web, PORT, request_bytes(method, path, {"Host": "a", "Connection": "close"}, body))

    def put(self, body: bytes = b"signed") -> RawConversation:
        return self.ask("PUT", "/v1/descriptors", body)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_document_is_given_by_its_epoch_and_as_the_current_one(bench: Bench) -> None:
    for path in ("/v1/documents/7", "/v1/documents/current"):
        answer = bench.ask("GET", path)
        assert answer.status == 200
        assert b"the document of epoch 7" in answer.received
    assert bench.ask("GET", "/v1/documents/8").status == 404
    bench.source.documents.clear()
    assert bench.ask("GET", "/v1/documents/current").status == 404


def test_a_descriptor_is_taken(bench: Bench) -> None:
    assert bench.put(b"x" * MAX_DESCRIPTOR_BYTES).status == 204
    assert bench.source.accepted == [b"x" * MAX_DESCRIPTOR_BYTES]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DescriptorNotAllowed("not on the list"), 403),
        (DescriptorReplayed("issued before the last one"), 409),
        (DescriptorNameTaken("the name is another's"), 409),
        (DescriptorExpired("too old"), 400),
        (FormatError("no descriptor"), 400),
    ],
)
def test_a_refusal_says_why(bench: Bench, error: PeerError, status: int) -> None:
    bench.source.error = error
    answer = bench.put()
    assert answer.status == status
    assert str(error).encode() in answer.received


def test_a_full_disk_is_our_fault_and_its_reason_stays_here(bench: Bench) -> None:
    bench.source.error = StoreError("/srv/authority: the disk is full")
    answer = bench.put()
    assert answer.status == 503
    assert b"/srv" not in answer.received


def test_that_the_disk_is_full_is_logged_once_however_often_nodes_try(bench: Bench) -> None:
    lines: list[str] = []

    def note(event: LogEvent) -> None:
        if event["log_namespace"] == "loopixmix.authority.http":
            lines.append(event["log_format"])

    globalLogPublisher.addObserver(note)
    try:
        for error in (StoreError("full"), StoreError("full"), None, None, StoreError("full again")):
            bench.source.error = error
            bench.put()
    finally:
        globalLogPublisher.removeObserver(note)
    kept, lost = "descriptors are kept again", "descriptors cannot be kept: {error}"
    assert lines == [lost, kept, lost]


def test_a_descriptor_that_is_too_long_is_never_looked_at(bench: Bench) -> None:
    answer = bench.put(b"x" * (MAX_DESCRIPTOR_BYTES + 1))
    assert answer.status == 413
    assert bench.source.accepted == []


def test_too_many_uploads_are_put_off() -> None:
    bench = Bench(uploads_per_minute=2)
    assert [bench.put().status for _ in range(3)] == [204, 204, 429]
    assert b"Retry-After" in bench.put().received
    bench.clock.advance(31)
    assert bench.put().status == 204
    assert bench.ask("GET", "/v1/documents/7").status == 200  # asking is not limited


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/v1/documents/x"), ("GET", "/etc/passwd")])
def test_there_is_nothing_else(bench: Bench, method: str, path: str) -> None:
    assert bench.ask(method, path).status == 404


@pytest.mark.parametrize(
    ("path", "status"), [("/%ff", 400), ("/v1/documents/%ff", 400), (f"/v1/documents/{'1' * 5000}", 404)]
)
def test_a_path_that_cannot_be_read_is_no_defect(bench: Bench, path: str, status: int) -> None:
    logged: list[LogEvent] = []
    globalLogPublisher.addObserver(logged.append)
    assert bench.ask("GET", path).status == status
    globalLogPublisher.removeObserver(logged.append)
    assert [event for event in logged if event["log_level"] >= LogLevel.warn] == []


def test_other_methods_are_not_allowed(bench: Bench) -> None:
    assert bench.ask("DELETE", "/v1/documents/7").status == 405


def test_connections_that_send_nothing_make_room_and_end(bench: Bench) -> None:
    kept = [converse(bench.web, PORT, b"GET ") for _ in range(MAX_CONNECTIONS_PER_ADDRESS)]
    assert converse(bench.web, PORT, b"GET / HTTP/1.1\r\n\r\n").status == 404
    assert [conversation.closed for conversation in kept].count(True) == 1
    bench.clock.pump([IDLE_TIMEOUT_S + 1, 20.0, 0.0, 0.0])
    assert all(conversation.closed for conversation in kept)


def test_the_address_of_an_accepted_descriptor_gets_places_of_its_own(bench: Bench) -> None:
    bench.source.error = DescriptorNotAllowed("not you")
    assert (bench.put().status, bench.enrolled.has("127.0.0.1")) == (403, False)
    bench.source.error = None
    assert (bench.put().status, bench.enrolled.has("127.0.0.1")) == (204, True)


def test_so_do_addresses_in_the_document() -> None:
    enrolled = EnrolledAddresses(["192.0.2.1", "2001:db8::1", "mix.example.org"])
    told = [enrolled.has(host) for host in ("192.0.2.1", "2001:db8::2", "192.0.2.2")]
    assert told == [True, True, False]


def test_strangers_take_no_place_of_an_enrolled_node() -> None:
    enrolled = EnrolledAddresses(["192.0.2.1"])
    api = DirectoryApi(Source(), uploads=RateLimit(60, now_s=lambda: 0.0), enrolled=enrolled)
    factory = directory_factory(api, clock=Clock())

    def connect(host: str) -> bool:
        wrapper = factory.buildProtocol(IPv4Address("TCP", host, 1))
        if wrapper is None:
            return False
        channel = wrapper.wrappedProtocol
        # A whole request that is being answered: no other may take its place.
        channel._handlingRequest = True
        return not channel.turned_away

    strangers = [connect(f"203.0.113.{number % 200}") for number in range(MAX_CONNECTIONS + 5)]
    assert strangers == [True] * MAX_CONNECTIONS + [False] * 5
    assert connect("192.0.2.1")
