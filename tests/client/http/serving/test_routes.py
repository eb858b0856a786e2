"""The routes of the local API: strict in what they take, clear in what they answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import msgspec
import pytest
from twisted.internet.interfaces import ITransport
from twisted.logger import LogEvent, eventAsText, globalLogPublisher

from client.api import MAX_BODY_BYTES, ClientStatus
from client.http.messages import INLINE_BYTES, MAX_REQUEST_BYTES
from client.testing import FakeClient
from loopixmix.web.channels import LINGER_S
from tests.worlds.clients.contract import BOB
from tests.worlds.clients.fakes import FakeWorld
from tests.worlds.clients.memory_api import MemoryApi
from tests.worlds.clients.memory_web import EndlessConversation, converse, request_bytes

OCTETS = "application/octet-stream"
SEND = f"/v1/messages?to={BOB}&kind=text&idempotency_key=1"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[MemoryApi]:
    made = MemoryApi(tmp_path)
    yield made
    made.stop()


def message(**changed: object) -> dict[str, object]:
    body = base64.b64encode(b"hello").decode()
    return {"to": BOB, "kind": "text", "idempotency_key": "1", "body": body} | changed


def receive(api: MemoryApi, body: bytes, *, key: str) -> None:
    """Let Bob write to Alice."""
    api.fake.run(api.fake.bob.send("alice@home", body, kind="text", idempotency_key=key))
    api.fake.pass_time()


def test_a_message_is_sent_in_json(api: MemoryApi) -> None:
    answer = api.ask_json("POST", "/v1/messages", message(anonymous=True))
    assert answer.status == 202
    message_id = json.loads(answer.body)["message_id"]
    told = json.loads(api.ask("GET", f"/v1/messages/{message_id}").body)
    assert (told["message_id"], told["to"], told["length_bytes"]) == (message_id, BOB, 5)
    api.fake.pass_time()
    [received] = api.fake.run(api.fake.bob.inbox())
    assert (received.body, received.sender) == (b"hello", None)


def test_a_message_is_sent_as_it_is(api: MemoryApi) -> None:
    answer = api.ask("POST", f"{SEND}&anonymous=false", b"\x00\xff", content_type=OCTETS)
    assert answer.status == 202
    api.fake.pass_time()
    assert [m.body for m in api.fake.run(api.fake.bob.inbox())] == [b"\x00\xff"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({}, "missing required field"),
        (message(extra=1), "unknown field"),
        (message(body="not base64!"), "base64"),
        (message(body="QR=="), "no bit is left over"),
        (message(body="QQ"), "base64"),
        (message(body="QQ==\n"), "base64"),
        (message(body=5), "Expected `bytes`"),
        (message(anonymous="yes"), "Expected `bool`"),
        (message(to=None), "Expected `str`"),
        ([], "Expected `object`"),
    ],
)
def test_a_body_of_another_shape_is_refused(api: MemoryApi, value: object, reason: str) -> None:
    answer = api.ask_json("POST", "/v1/messages", value)
    problem = json.loads(answer.body)
    assert (answer.status, problem["error"]) == (400, "bad_request")
    assert reason in problem["message"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/contacts", b'{"address": "carol@home", "address": "dave@home"}'),
        ("/v1/contacts", b'{"address": "carol@home", "addr\\u0065ss": "carol@home"}'),
        ("/v1/messages/bulk", b'{"letters": [], "letters": []}'),
        ("/v1/messages/bulk", b'{"letters": [{"kind": "x", ' + json.dumps(message()).encode()[1:] + b"]}"),
    ],
)
def test_a_field_that_comes_twice_is_refused(api: MemoryApi, path: str, body: bytes) -> None:
    answer = api.ask("POST", path, body, content_type="application/json")
    assert (answer.status, json.loads(answer.body)["error"]) == (400, "bad_request")
    assert "twice" in json.loads(answer.body)["message"]


def test_a_parameter_beside_a_json_body_is_refused(api: MemoryApi) -> None:
    for target, value in (
        (SEND, message()),
        ("/v1/requests?timeout_s=5", {"service": "echo", "body": "", "timeout_s": 5}),
    ):
        answer = api.ask_json("POST", target, value)
        assert (answer.status, json.loads(answer.body)["error"]) == (400, "bad_request")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{}x", b"\xff", b'{"to": "\xff"}', b'{"to": ' + b"[" * 100_000, b'{"x": ' + b"[" * 100_000]
)
def test_a_body_that_is_no_json_is_refused(api: MemoryApi, body: bytes) -> None:
    answer = api.ask("POST", "/v1/messages", body, content_type="application/json; charset=utf-8")
    assert (answer.status, json.loads(answer.body)["error"]) == (400, "bad_request")


@pytest.mark.parametrize(
    "target",
    [
        "/v1/messages",
        f"/v1/messages?to={BOB}&kind=text",
        f"{SEND}&extra=1",
        f"{SEND}&kind=text",
        f"{SEND}&anonymous=1",
        f"{SEND}&anonymous=",
        "/v1/messages?to=%ff&kind=text&idempotency_key=1",
        "/v1/requests?service=echo",
        "/v1/requests?service=echo&timeout_s=soon",
        "/v1/requests?service=echo&timeout_s=nan",
        "/v1/requests?service=echo&timeout_s=0",
        "/v1/requests?service=echo&timeout_s=1_0",
        "/v1/requests?service=echo&timeout_s=%201",
        "/v1/requests?service=echo&timeout_s=01",
        "/v1/requests?service=echo&timeout_s=%D9%A1",
        "/v1/requests?service=echo&timeout_s=infinity",
        "/v1/posted?service=echo&idempotency_key=1&deadline_s=1_0",
        f"{SEND}&anonymous",
        f"{SEND}&;anonymous=true",
        f"{SEND}%zz",
        f"{SEND}&not_before_s=inf",
        "/v1/requests?service=echo&timeout_s=1e9",
    ],
)
def test_a_query_of_another_shape_is_refused(api: MemoryApi, target: str) -> None:
    answer = api.ask("POST", target, b"x", content_type=OCTETS)
    assert (answer.status, json.loads(answer.body)["error"]) == (400, "bad_request")


@pytest.mark.parametrize(
    "target",
    [
        "/v1/inbox?after=-1",
        "/v1/inbox?after=x",
        "/v1/inbox?after=%C2%B2",
        "/v1/inbox?after=1000000000000000000000",
        "/v1/inbox?limit=0",
        "/v1/inbox?limit=101",
        "/v1/inbox?limit=010",
        "/v1/answers?after=00",
        "/v1/events?after=0-00",
        "/v1/inbox?before=1",
        "/v1/status?verbose=1",
        "/v1/events?after=1",
        "/v1/events?after=1-2-3",
        "/v1/events?about=everything",
        "/v1/received",
    ],
)
def test_a_number_out_of_range_is_refused(api: MemoryApi, target: str) -> None:
    answer = api.ask("GET", target)
    assert (answer.status, json.loads(answer.body)["error"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1", 404, "not_found"),
        ("GET", "/v2/status", 404, "not_found"),
        ("GET", "/v1/status/", 404, "not_found"),
        ("GET", "/v1/inbox/x", 404, "not_found"),
        ("GET", "/v1/inbox/01", 404, "not_found"),
        ("GET", "/v1/inbox/%D9%A1", 404, "not_found"),
        ("GET", f"/v1/inbox/{'1' * 5000}", 404, "not_found"),
        ("POST", f"/v1/received/abc/{'1' * 5000}/handled", 404, "not_found"),
        ("GET", "/v1/received?kind=Upper", 400, "bad_request"),
        ("GET", "/v1/inbox/1000000000000000001", 404, "not_found"),
        ("GET", "/v1/inbox/0", 404, "unknown_message"),
        ("GET", "/v1/inbox/7/body", 404, "unknown_message"),
        ("GET", "/v1/messages/00", 404, "unknown_message"),
        ("DELETE", "/v1/status", 405, "method_not_allowed"),
        ("PUT", "/v1/contacts", 405, "method_not_allowed"),
        ("get", "/v1/status", 405, "method_not_allowed"),
        ("OPTIONS", "/v1/nothing", 404, "not_found"),
        ("GET", "/v1//status", 404, "not_found"),
        ("DELETE", "/v1/contacts/nobody@home", 404, "unknown_contact"),
        ("POST", "/v1/received/abc/1/handled", 404, "unknown_message"),
        ("POST", "/v1/messages", 415, "unsupported_type"),
        ("POST", "/v1/contacts", 415, "unsupported_type"),
    ],
)
def test_what_is_not_there_is_told_so(api: MemoryApi, method: str, target: str, status: int, code: str) -> None:
    answer = api.ask(method, target)
    assert (answer.status, json.loads(answer.body)["error"]) == (status, code)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/v1/messages/00/cancel"),
        ("POST", "/v1/received/abc/1/handled"),
        ("DELETE", "/v1/inbox/1"),
        ("GET", "/v1/events"),
        ("GET", "/v1/status"),
    ],
)
def test_a_body_that_nobody_would_read_is_refused(api: MemoryApi, method: str, target: str) -> None:
    for body in (b"{}", b"\0"):
        answer = api.ask(method, target, body, content_type="application/json")
        assert (answer.status, json.loads(answer.body)["error"]) == (400, "bad_request")
        assert "takes no body" in json.loads(answer.body)["message"]


def test_many_messages_are_sent_in_json_or_messagepack(api: MemoryApi) -> None:
    answer = api.ask_json("POST", "/v1/messages/bulk", {"letters": [message(), message(idempotency_key="2")]})
    assert (answer.status, len(json.loads(answer.body)["message_ids"])) == (202, 2)
    letters = [{**message(idempotency_key="3"), "body": b"packed"}]
    packed = msgspec.msgpack.encode({"letters": letters})
    answer = api.ask("POST", "/v1/messages/bulk", packed, content_type="application/msgpack")
    assert answer.status == 202
    api.fake.pass_time()
    assert sorted(m.body for m in api.fake.run(api.fake.bob.inbox())) == [b"hello", b"hello", b"packed"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"\x80", "application/msgpack", 400),
        (b"\x81\xa7letters\x91\xa1x", "application/msgpack", 400),
        (msgspec.msgpack.encode({"letters": [], "more": 1}), "application/msgpack", 400),
        (msgspec.msgpack.encode({"letters": []}) + b"\x00", "application/msgpack", 400),
        (b'{"letters": []}', "application/msgpack", 400),
        (b"letters", OCTETS, 415),
        (msgspec.msgpack.encode({"letters": [{"to": "x"}]}), "application/msgpack", 400),
    ],
)
def test_a_bulk_of_another_shape_is_refused(api: MemoryApi, body: bytes, content_type: str, status: int) -> None:
    assert api.ask("POST", "/v1/messages/bulk", body, content_type=content_type).status == status


def test_a_body_of_two_types_is_refused(api: MemoryApi) -> None:
    raw = request_bytes("POST", SEND, {**api.headers, "Content-Type": OCTETS}, b"x")
    answer = api.raw(raw.replace(b"Content-Type", b"Content-Type: application/json\r\nContent-Type"))
    assert (answer.status, json.loads(answer.body)["error"]) == (415, "unsupported_type")


def test_octets_are_taken_only_where_they_make_sense(api: MemoryApi) -> None:
    assert api.ask("POST", "/v1/contacts", b"{}", content_type=OCTETS).status == 415


def test_a_request_is_answered_in_the_form_it_had(api: MemoryApi) -> None:
    in_octets = api.ask("POST", "/v1/requests?service=echo&timeout_s=5", b"\xff", content_type=OCTETS)
    assert (in_octets.status, in_octets.body) == (200, b"\xff")
    body = base64.b64encode(b"\xff").decode()
    in_json = api.ask_json("POST", "/v1/requests", {"service": "echo", "body": body, "timeout_s": 5})
    assert json.loads(in_json.body) == {"body": body}


@pytest.mark.parametrize("target", ["/v1/requests?timeout_s=5", "/v1/posted?idempotency_key=1"])
@pytest.mark.parametrize("service", ["echo@", "echo%40", "echo@home@home", "@home", ""])
def test_a_service_is_named_in_one_way(api: MemoryApi, target: str, service: str) -> None:
    answer = api.ask("POST", f"{target}&service={service}", b"x", content_type=OCTETS)
    assert (answer.status, json.loads(answer.body)["error"]) == (404, "unknown_service")


def test_a_long_body_is_fetched_by_itself(api: MemoryApi) -> None:
    receive(api, b"s" * INLINE_BYTES, key="1")
    receive(api, b"l" * (INLINE_BYTES + 1), key="2")
    short, long = json.loads(api.ask("GET", "/v1/inbox").body)
    assert base64.b64decode(short["body"]) == b"s" * INLINE_BYTES
    assert (long["body"], long["length_bytes"]) == (None, INLINE_BYTES + 1)
    assert json.loads(api.ask("GET", "/v1/inbox/2").body) == long
    answer = api.ask("GET", "/v1/inbox/2/body")
    assert b"content-type: application/octet-stream" in answer.head
    assert answer.body == b"l" * (INLINE_BYTES + 1)


def test_the_inbox_is_told_in_pages(api: MemoryApi) -> None:
    for number in range(12):
        receive(api, b"%d" % number, key=str(number))
    assert [m["number"] for m in json.loads(api.ask("GET", "/v1/inbox?after=1&limit=10").body)] == [*range(2, 12)]


def test_contacts_by_http(api: MemoryApi) -> None:
    added = api.ask_json("POST", "/v1/contacts", {"address": "carol@home"})
    assert added.status == 201
    carol = json.loads(added.body)
    path = "/v1/contacts/carol%40home"
    accepted = api.ask_json("POST", f"{path}/accept", {"fingerprint": carol["fingerprint"]})
    assert json.loads(accepted.body)["verified"] == "compared"
    removed = api.ask("DELETE", path)
    assert (removed.status, removed.body) == (204, b"")
    assert [c["address"] for c in json.loads(api.ask("GET", "/v1/contacts").body)] == [BOB]


def test_head_is_like_get_without_a_body(api: MemoryApi) -> None:
    answer = api.ask("HEAD", "/v1/status")
    assert (answer.status, answer.body) == (200, b"")


def test_the_longest_message_goes_through(api: MemoryApi) -> None:
    assert api.ask("POST", SEND, bytes(MAX_BODY_BYTES), content_type=OCTETS).status == 202
    text = base64.b64encode(bytes(MAX_BODY_BYTES)).decode()
    assert api.ask_json("POST", "/v1/messages", message(idempotency_key="2", body=text)).status == 202


def test_a_message_that_is_too_long_is_refused(api: MemoryApi) -> None:
    for length in (MAX_BODY_BYTES + 1, MAX_REQUEST_BYTES + 1):
        answer = api.ask("POST", SEND, bytes(length), content_type=OCTETS)
        assert (answer.status, json.loads(answer.body)["error"]) == (413, "too_long")
    assert api.fake.run(api.fake.alice.newest()).changes == 0


def test_a_chunked_body_has_the_same_limit(api: MemoryApi) -> None:
    headers = {**api.headers, "Transfer-Encoding": "chunked", "Content-Type": OCTETS}
    head = request_bytes("PUT", SEND, headers).replace(b"PUT", b"POST")
    chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"
    answer = api.raw(head + chunk * (1 + MAX_REQUEST_BYTES // 0x100000) + b"0\r\n\r\n")
    assert answer.status == 413


def test_a_body_that_is_too_long_is_refused_before_it_is_read(api: MemoryApi) -> None:
    headers = {**api.headers, "Content-Type": OCTETS, "Content-Length": str(10**12), "Expect": "100-continue"}
    answer = api.raw(request_bytes("PUT", SEND, headers).replace(b"PUT", b"POST"))
    assert (answer.status, json.loads(answer.body)["error"]) == (413, "too_long")
    assert b"100 Continue" not in answer.received


def test_a_body_within_the_limit_is_asked_for(api: MemoryApi) -> None:
    headers = {**api.headers, "Content-Type": OCTETS, "Content-Length": "5", "Expect": "100-continue"}
    answer = api.raw(request_bytes("PUT", SEND, headers).replace(b"PUT", b"POST"))
    assert answer.status == 100
    cast(ITransport, answer.transport).write(b"hello")
    api.clock.advance(1)
    assert b"HTTP/1.1 202" in answer.received


@pytest.mark.parametrize("encoding", ["gzip", "deflate, identity", "x", ""])
def test_a_body_in_another_coding_is_refused(api: MemoryApi, encoding: str) -> None:
    headers = {**api.headers, "Content-Type": OCTETS, "Content-Encoding": encoding}
    answer = api.raw(request_bytes("POST", SEND, headers, b"\x1f\x8b"))
    assert (answer.status, json.loads(answer.body)["error"]) == (415, "unsupported_type")


@pytest.mark.parametrize(
    ("raw", "status", "error"),
    [
        (b"GET /v1/status HTTP/1.1\r\nX: " + bytes(20_000), 431, "headers_too_long"),
        (b"GET /v1/status HTTP/1.1\r\n" + b"X: abcdefgh\r\n" * 5000, 431, "headers_too_long"),
        (b"GET /v1/status HTTP/1.1\r\n" + b"X:\r\n" * 501 + b"\r\n", 431, "headers_too_long"),
        (b"GET /" + b"x" * 20_000, 414, "target_too_long"),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", 414, "target_too_long"),
        (b"hello\r\n\r\n", 400, "bad_request"),
        (b"GET /v1/status HTTP/3.0\r\n\r\n", 400, "bad_request"),
        (b"GET /v1/status HTTP/1.1\r\nno colon\r\n\r\n", 400, "bad_request"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, "bad_request"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "bad_request"),
    ],
)
def test_what_is_no_request_is_told_in_json_too(api: MemoryApi, raw: bytes, status: int, error: str) -> None:
    answer = api.raw(raw, seconds=1)
    assert (answer.status, json.loads(answer.body)["error"]) == (status, error)
    assert b"content-type: application/json" in answer.head
    assert answer.received.count(b"Content-Length: ") == 1
    assert answer.closed


def test_a_chunk_that_is_malformed_is_told_in_json_too(api: MemoryApi) -> None:
    headers = {**api.headers, "Transfer-Encoding": "chunked", "Content-Type": OCTETS}
    answer = api.raw(request_bytes("PUT", SEND, headers) + b"zz\r\n", seconds=1)
    assert (answer.status, json.loads(answer.body)["error"]) == (400, "bad_request")


def test_a_refused_body_is_not_read_for_ever(api: MemoryApi) -> None:
    headers = {"Host": "127.0.0.1:7078", "Content-Length": str(10**12)}
    answer = converse(
        api.web, 7078, request_bytes("PUT", SEND, headers) + bytes(1024 * 1024), conversation=EndlessConversation()
    )
    assert (answer.status, json.loads(answer.body)["error"]) == (401, "unauthorized")
    api.clock.advance(LINGER_S - 1)
    assert not answer.closed
    api.clock.advance(1)
    api.clock.advance(0)
    assert answer.closed
    assert [ends for ends in api.web.connections if not ends[1]._ended] == []


class Clumsy(FakeClient):
    """A client with a defect."""

    async def status(self) -> ClientStatus:
        raise ZeroDivisionError("dividing by the user's secret")


def test_a_defect_is_logged_and_not_told(tmp_path: Path) -> None:
    api = MemoryApi(tmp_path, client=Clumsy(FakeWorld().network, max_queued=1))
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    try:
        answer = api.ask("GET", "/v1/status")
    finally:
        globalLogPublisher.removeObserver(events.append)
        api.stop()
    assert (answer.status, json.loads(answer.body)["error"]) == (500, "internal")
    assert b"secret" not in answer.body
    assert any("ZeroDivisionError" in eventAsText(event) for event in events)


def test_nothing_of_a_message_reaches_the_log(api: MemoryApi) -> None:
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    try:
        api.ask("POST", SEND.replace("text", "marked-kind"), b"marked-body", content_type=OCTETS)
        api.ask_json("POST", "/v1/messages", message(to="marked-address@home", extra="marked-field"))
        api.ask("POST", "/v1/messages?to=marked-address@home&kind=x&idempotency_key=2", b"x", content_type=OCTETS)
        api.ask("GET", "/v1/messages/marked-id")
        api.fake.pass_time()
    finally:
        globalLogPublisher.removeObserver(events.append)
    logged = "\n".join(f"{eventAsText(event)} {event}" for event in events)
    assert "marked" not in logged
    assert api.token not in logged


@pytest.mark.parametrize("path", ["/v1/events", "/v1/answers"])
@pytest.mark.parametrize("last", ["x", "-1", "1" * 5000, "\u0661", "", "1-" + "1" * 5000])
def test_the_id_of_an_event_that_is_none_is_refused(api: MemoryApi, path: str, last: str) -> None:
    head = {**api.headers, "Connection": "close", "Last-Event-ID": last or " x "}
    answer = api.raw(request_bytes("GET", path, {k: v.encode().decode("latin-1") for k, v in head.items()}, b""))
    assert (answer.status, json.loads(answer.body)["error"]) == (400, "bad_request")
