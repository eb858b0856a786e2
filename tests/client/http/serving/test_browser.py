"""Attacks by a web page: whatever a browser can be made to send, nothing is done and nothing can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds.clients.contract import BOB
from tests.worlds.clients.memory_api import MemoryApi
from tests.worlds.clients.memory_web import RawConversation, request_bytes

EVIL = "http://evil.example"
SEND = f"/v1/messages?to={BOB}&kind=text&idempotency_key=1"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[MemoryApi]:
    made = MemoryApi(tmp_path)
    yield made
    made.stop()


def assert_nothing_happened(api: MemoryApi, answer: RawConversation, status: int) -> None:
    assert answer.status == status
    assert b"access-control" not in answer.head
    assert api.fake.run(api.fake.alice.newest()).changes == 0


def from_page(**headers: str) -> dict[str, str]:
    return {"Host": "127.0.0.1:7078", "Sec-Fetch-Site": "cross-site", "Origin": EVIL} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }


def test_a_fetch_with_our_headers_fails_at_its_preflight(api: MemoryApi) -> None:
    preflight = from_page(
        Access_Control_Request_Method="POST", Access_Control_Request_Headers="authorization,content-type"
    )
    assert_nothing_happened(api, api.raw(request_bytes("OPTIONS", SEND, preflight)), 403)


def test_a_preflight_of_an_old_browser_without_origin_grants_nothing(api: MemoryApi) -> None:
    assert_nothing_happened(api, api.raw(request_bytes("OPTIONS", SEND, {"Host": "127.0.0.1:7078"})), 401)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_is_refused(api: MemoryApi, content_type: str) -> None:
    form = from_page(Content_Type=content_type)
    assert_nothing_happened(api, api.raw(request_bytes("POST", SEND, form, b"hello")), 403)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_what_a_form_can_send_is_no_body_of_ours_even_with_the_token(api: MemoryApi, content_type: str) -> None:
    assert_nothing_happened(api, api.ask("POST", SEND, b"hello", content_type=content_type), 415)


def test_a_form_of_an_old_browser_without_origin_lacks_the_token(api: MemoryApi) -> None:
    form = {"Host": "127.0.0.1:7078", "Content-Type": "text/plain"}
    assert_nothing_happened(api, api.raw(request_bytes("POST", SEND, form, b"hello")), 401)


def test_a_page_that_learned_the_token_is_refused_by_its_origin(api: MemoryApi) -> None:
    stolen = from_page(Authorization=api.headers["Authorization"], Content_Type="application/octet-stream")
    assert_nothing_happened(api, api.raw(request_bytes("POST", SEND, stolen, b"hello")), 403)


def test_a_name_rebound_to_loopback_is_refused_by_its_host(api: MemoryApi) -> None:
    rebound = {**api.headers, "Host": "evil.example:7078", "Origin": "http://evil.example:7078"}
    assert_nothing_happened(api, api.raw(request_bytes("GET", "/v1/inbox", rebound)), 421)


@pytest.mark.parametrize("target", ["/v1/status", "/v1/inbox", "/v1/events", "/v1/received?kind=text"])
def test_an_image_or_script_reads_nothing(api: MemoryApi, target: str) -> None:
    image = {"Host": "localhost:7078", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert_nothing_happened(api, api.raw(request_bytes("GET", target, image)), 403)


def test_another_local_page_is_another_origin(api: MemoryApi) -> None:
    local = from_page(Origin="http://localhost:3000", Sec_Fetch_Site="same-site")
    assert_nothing_happened(api, api.raw(request_bytes("GET", "/v1/status", local)), 403)


def test_answers_are_not_taken_for_pages_or_kept(api: MemoryApi) -> None:
    answer = api.ask("GET", "/v1/status")
    assert answer.status == 200
    assert b"x-content-type-options: nosniff" in answer.head
    assert b"cache-control: no-store" in answer.head
    assert b"access-control" not in answer.head
    assert b"set-cookie" not in answer.head
