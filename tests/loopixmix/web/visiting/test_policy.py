"""Requests that a browser can be made to send, and which of them are refused."""

from __future__ import annotations

import pytest
from twisted.web.http_headers import Headers

from loopixmix.errors import ConfigError
from loopixmix.web.visiting.policy import (
    CONTENT_SECURITY_POLICY,
    FROM_ELSEWHERE,
    UNKNOWN_SENDER,
    WRONG_HOST,
    WebOrigin,
    refusal,
    was_opened_by_a_person,
)

ORIGIN = WebOrigin("http", "poll-1.localhost:8000")
HOST = ("Host", "poll-1.localhost:8000")
NAVIGATION = (("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"))
SAME, CROSS = ("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")


def headers(*pairs: tuple[str, str]) -> Headers:
    made = Headers()
    for name, value in pairs:
        made.addRawHeader(name, value)
    return made


@pytest.mark.parametrize(
    ("method", "pairs"),
    [
        (b"GET", (HOST,)),
        (b"GET", (("Host", "POLL-1.localhost:8000"),)),
        (b"GET", (HOST, ("Sec-Fetch-Site", "none"), *NAVIGATION)),
        (b"GET", (HOST, SAME, ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "style"))),
        (b"GET", (HOST, CROSS, *NAVIGATION)),
        (b"POST", (HOST, SAME, ("Origin", "null"))),
        (b"POST", (HOST, SAME, ("Origin", str(ORIGIN)))),
        (b"POST", (HOST, ("Origin", str(ORIGIN)))),
    ],
)
def test_what_our_own_pages_and_a_person_send_is_let_through(method: bytes, pairs: tuple[tuple[str, str], ...]) -> None:
    assert refusal(method, headers(*pairs), origin=ORIGIN) is None


@pytest.mark.parametrize(
    ("method", "pairs", "expected"),
    [
        (b"GET", (), WRONG_HOST),
        (b"GET", (("Host", "evil.example:8000"),), WRONG_HOST),
        (b"GET", (("Host", "127.0.0.1:8000"),), WRONG_HOST),
        (b"GET", (("Host", "poll-1.localhost:8001"),), WRONG_HOST),
        (b"GET", (HOST, HOST), WRONG_HOST),
        (b"GET", (HOST, CROSS, ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")), FROM_ELSEWHERE),
        (b"GET", (HOST, CROSS, ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")), FROM_ELSEWHERE),
        (b"GET", (HOST, ("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Mode", "cors")), FROM_ELSEWHERE),
        (b"GET", (HOST, ("Sec-Fetch-Site", "weird")), FROM_ELSEWHERE),
        (b"POST", (HOST, CROSS, ("Origin", "null"), *NAVIGATION), FROM_ELSEWHERE),
        (b"POST", (HOST, CROSS, ("Origin", str(ORIGIN))), FROM_ELSEWHERE),
        (b"POST", (HOST, ("Sec-Fetch-Site", "none"), ("Origin", str(ORIGIN))), FROM_ELSEWHERE),
        (b"POST", (HOST, ("Sec-Fetch-Site", "same-site"), ("Origin", "null")), FROM_ELSEWHERE),
        (b"POST", (HOST, SAME, CROSS, ("Origin", "null")), FROM_ELSEWHERE),
        (b"POST", (HOST, SAME, ("Origin", "http://evil.example")), FROM_ELSEWHERE),
        (b"POST", (HOST, ("Origin", "http://evil.example")), FROM_ELSEWHERE),
        (b"POST", (HOST, ("Origin", "null")), FROM_ELSEWHERE),
        (b"POST", (HOST, ("Origin", str(ORIGIN)), ("Origin", "null")), FROM_ELSEWHERE),
        (b"POST", (HOST,), UNKNOWN_SENDER),
        (b"DELETE", (HOST, CROSS), FROM_ELSEWHERE),
    ],
)
def test_what_others_can_make_a_browser_send_is_refused(
    method: bytes, pairs: tuple[tuple[str, str], ...], expected: object
) -> None:
    assert refusal(method, headers(*pairs), origin=ORIGIN) is expected


def test_who_opened_an_address_is_the_browsers_word() -> None:
    assert was_opened_by_a_person(headers(("Sec-Fetch-Site", "none")))
    assert not was_opened_by_a_person(headers(("Sec-Fetch-Site", "none"), ("Sec-Purpose", "prefetch")))
    assert not was_opened_by_a_person(headers())
    assert not was_opened_by_a_person(headers(CROSS))


def test_origins_are_written_as_browsers_write_them() -> None:
    assert str(WebOrigin.parse("https://board.example.org:443")) == "https://board.example.org"
    assert str(WebOrigin.parse("http://[::1]:80")) == "http://[::1]"
    assert WebOrigin.parse("https://a:8443") == WebOrigin("https", "a:8443")
    assert WebOrigin.parse("https://a").is_secure
    assert not ORIGIN.is_secure


@pytest.mark.parametrize("text", ["", "a", "ftp://a", "https://a/", "https://A", "https://a b", "https://a:", "null"])
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no origin"):
        WebOrigin.parse(text)


def test_the_policy_allows_no_script_no_frame_and_nothing_from_elsewhere() -> None:
    rules = dict(rule.strip().partition(" ")[::2] for rule in CONTENT_SECURITY_POLICY.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["frame-ancestors"] == "'none'"
    assert rules["base-uri"] == "'none'"
    assert {rules["style-src"], rules["form-action"]} == {"'self'"}
    assert "script-src" not in rules
    assert "unsafe" not in CONTENT_SECURITY_POLICY
