"""The guard of the local API judges by headers alone."""

from __future__ import annotations

import pytest
from twisted.web.http_headers import Headers

from client.http.problems import FORBIDDEN_HOST, FORBIDDEN_ORIGIN, UNAUTHORIZED
from client.http.serving.guard import Guard

TOKEN = "ab" * 32
HOST, AUTHORIZATION = "127.0.0.1:7078", f"Bearer {TOKEN}"


def guard() -> Guard:
    made = Guard(token=TOKEN)
    made.allow_port(7078)
    return made


def headers(**changed: list[str]) -> Headers:
    given = {"Host": [HOST], "Authorization": [AUTHORIZATION]}
    return Headers(given | {name.replace("_", "-"): values for name, values in changed.items()})


@pytest.mark.parametrize("host", ["127.0.0.1:7078", "localhost:7078", "LOCALHOST:7078", "[::1]:7078"])
def test_the_names_of_loopback_are_let_in(host: str) -> None:
    assert guard().refusal(headers(Host=[host])) is None


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        ["evil.example:7078"],
        ["127.0.0.1"],
        ["127.0.0.1:7079"],
        ["localhost.evil.example:7078"],
        ["127.0.0.1:7078.evil.example"],
        ["0.0.0.0:7078"],
        [HOST, HOST],
        [""],
    ],
)
def test_any_other_host_is_refused(hosts: list[str]) -> None:
    assert guard().refusal(headers(Host=hosts)) == FORBIDDEN_HOST


@pytest.mark.parametrize("origin", ["http://127.0.0.1:7078", "http://localhost:7078"])
def test_our_own_origin_is_let_in(origin: str) -> None:
    assert guard().refusal(headers(Origin=[origin])) is None


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "https://127.0.0.1:7078",
        "http://127.0.0.1",
        "http://127.0.0.1:7079",
        "http://127.0.0.1:7078.evil.example",
        "file://",
        "moz-extension://2c127fa4",
    ],
)
def test_any_other_origin_is_refused_even_with_the_token(origin: str) -> None:
    assert guard().refusal(headers(Origin=[origin])) == FORBIDDEN_ORIGIN


@pytest.mark.parametrize(("site", "let_in"), [("none", True), ("same-origin", True), ("same-site", False)])
def test_what_browsers_say_of_themselves_counts(site: str, let_in: bool) -> None:
    assert (guard().refusal(headers(Sec_Fetch_Site=[site])) is None) == let_in
    assert guard().refusal(headers(Sec_Fetch_Site=["cross-site", site])) == FORBIDDEN_ORIGIN


@pytest.mark.parametrize(
    "authorization",
    [
        [],
        [""],
        ["Bearer"],
        [TOKEN],
        [f"Basic {TOKEN}"],
        [f"Bearer {TOKEN[:-1]}"],
        [f"Bearer {TOKEN}0"],
        [f"Bearer {'cd' * 32}"],
        ["Bearer \N{SNOWMAN}"],
        [AUTHORIZATION, AUTHORIZATION],
    ],
)
def test_without_the_token_nobody_is_let_in(authorization: list[str]) -> None:
    assert guard().refusal(headers(Authorization=authorization)) == UNAUTHORIZED


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_a_scheme_has_one_name_in_any_case(scheme: str) -> None:
    assert guard().refusal(headers(Authorization=[f"{scheme} {TOKEN}"])) is None


def test_before_there_is_a_port_nobody_is_let_in() -> None:
    assert Guard(token=TOKEN).refusal(headers()) == FORBIDDEN_HOST


def test_the_token_is_not_shown() -> None:
    assert TOKEN not in repr(guard())
