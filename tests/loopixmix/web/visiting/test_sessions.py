"""Sessions end, are few, and cannot be guessed, planted or taken over."""

from __future__ import annotations

import random

import pytest
from twisted.internet.task import Clock
from twisted.web.http_headers import Headers

from loopixmix.web.visiting.sessions import SessionCookie, SessionLimits, WebSessions, make_secret

LIMITS = SessionLimits(most=2, idle_s=100.0, longest_s=250.0)
COOKIE = SessionCookie("/pages/poll/", is_secure=False)
SECRET, OTHER = "a" * 43, "b" * 43


class Bench:
    """Sessions on a clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.sessions = WebSessions(LIMITS, clock=self.clock, rng=random.Random(1))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_session_is_found_by_its_secret_only(bench: Bench) -> None:
    secret = bench.sessions.begin()
    found = bench.sessions.find(secret)
    assert found is not None
    assert len(found.form_token) == 43
    assert found.form_token != secret
    assert bench.sessions.find(SECRET) is None
    assert bench.sessions.find("") is None


def test_secrets_have_256_bits(bench: Bench) -> None:
    secrets = {make_secret(random.Random(seed)) for seed in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {43}


def test_an_idle_session_ends_and_one_in_use_lasts_until_it_is_too_old(bench: Bench) -> None:
    idle, used = bench.sessions.begin(), bench.sessions.begin()
    for _ in range(2):
        bench.clock.advance(100)
        assert bench.sessions.find(used) is not None
    assert bench.sessions.find(idle) is None
    bench.clock.advance(51)
    assert bench.sessions.find(used) is None
    assert len(bench.sessions) == 0


def test_a_clock_that_was_set_back_ends_a_session_rather_than_prolong_it(bench: Bench) -> None:
    secret = bench.sessions.begin()
    bench.clock.rightNow -= 10
    assert bench.sessions.find(secret) is None


def test_of_too_many_sessions_the_idlest_ends(bench: Bench) -> None:
    first, second = bench.sessions.begin(), bench.sessions.begin()
    bench.sessions.find(first)
    third = bench.sessions.begin()
    assert len(bench.sessions) == 2
    assert bench.sessions.find(second) is None
    assert bench.sessions.find(first) is not None
    assert bench.sessions.find(third) is not None


def test_a_session_that_was_ended_is_gone(bench: Bench) -> None:
    secret = bench.sessions.begin()
    bench.sessions.end(secret)
    bench.sessions.end(secret)
    assert bench.sessions.find(secret) is None


def test_no_secret_is_in_any_words(bench: Bench) -> None:
    secret = bench.sessions.begin()
    session = bench.sessions.find(secret)
    assert session is not None
    assert session.form_token not in repr(session)
    assert secret not in repr(bench.sessions) + repr(vars(bench.sessions))


def test_the_cookie_is_for_this_host_this_path_and_no_script() -> None:
    assert COOKIE.give(SECRET) == f"session={SECRET}; Path=/pages/poll/; HttpOnly; SameSite=Strict".encode()
    assert COOKIE.take_back() == b"session=; Path=/pages/poll/; HttpOnly; SameSite=Strict; Max-Age=0"


def test_over_tls_the_cookie_cannot_be_planted_by_a_neighbour() -> None:
    cookie = SessionCookie("/pages/poll/", is_secure=True)
    assert cookie.give(SECRET) == f"__Host-session={SECRET}; Path=/; HttpOnly; SameSite=Strict; Secure".encode()


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([f"session={SECRET}"], SECRET),
        ([f"a=b; session={SECRET}; c=d"], SECRET),
        ([f"session={SECRET}; session={SECRET}"], SECRET),
        ([f"session={SECRET}; session={OTHER}"], None),
        ([f"session={SECRET}", f"session={OTHER}"], None),
        (["session=short"], None),
        ([f"session={SECRET}x"], None),
        ([f"__Host-session={SECRET}"], None),
        ([f"Session={SECRET}"], None),
        (["session"], None),
        ([], None),
    ],
)
def test_a_cookie_is_read_strictly(lines: list[str], expected: str | None) -> None:
    assert COOKIE.read(Headers({"Cookie": lines})) == expected
