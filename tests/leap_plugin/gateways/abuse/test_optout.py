"""Links that name nobody and that nobody else can make, and the page behind them."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.web.test.requesthelper import DummyRequest

from leap_plugin.gateways.abuse.optout import OptOutMarks, plain_address
from leap_plugin.gateways.abuse.page import OptOutPage
from leap_plugin.gateways.abuse.stoplist import StopList, StopListFile
from loopixmix.errors import ConfigError
from loopixmix.web.showing.frame import STYLE_NAME

URL = "https://gate.example/stop"
MARKS = OptOutMarks(b"k" * 32, URL)


@pytest.mark.parametrize("address", ["Bob@Example.org", "bob+x@example.org", "bob@EXAMPLE.ORG", "bob+@example.org"])
def test_writings_of_one_address_have_one_mark(address: str) -> None:
    assert MARKS.mark(address) == MARKS.mark("bob@example.org")
    assert plain_address("+x@example.org") == "+x@example.org"


def test_a_link_is_read_by_its_own_gateway_alone() -> None:
    link = MARKS.link("bob@example.org")
    assert link.startswith(f"{URL}/")
    assert "bob" not in link
    text = link.rpartition("/")[2]
    assert MARKS.read(text) == MARKS.mark("bob@example.org")
    assert OptOutMarks(b"o" * 32, URL).read(text) is None
    for bad in (
        "",
        text[:-1],
        text + "A",
        "A" * 43,
        text[:20] + ("A" if text[20] != "A" else "B") + text[21:],
        "ü" * 43,
    ):
        assert MARKS.read(bad) is None


class Stopped:
    """Takes down what was opted out."""

    def __init__(self) -> None:
        self.marks: list[bytes] = []
        self.fails = False

    async def __call__(self, mark: bytes) -> None:
        if self.fails:
            raise ConfigError("broken")
        self.marks.append(mark)


def asked(page: OptOutPage, method: str, path: str) -> tuple[int, bytes]:
    request = DummyRequest([path.rpartition("/")[2].encode()])
    request.path = path.encode()
    request.method = method.encode()
    answer = getattr(page, f"render_{method}")(request)
    body = answer if isinstance(answer, bytes) else b"".join(request.written)
    return request.responseCode or 200, body


def test_a_look_changes_nothing_and_a_press_does() -> None:
    stopped = Stopped()
    page = OptOutPage(MARKS, stopped, domain="gate.example", url=URL)
    path = MARKS.link("bob@example.org").removeprefix("https://gate.example")
    status, body = asked(page, "GET", path)
    assert (status, stopped.marks) == (200, [])
    assert b'<form method="post">' in body
    assert f"/stop/{STYLE_NAME}".encode() in body
    assert asked(page, "HEAD", path) == (200, b"")
    status, body = asked(page, "POST", path)
    assert (status, stopped.marks) == (200, [MARKS.mark("bob@example.org")])
    assert b"sends no more mail" in body
    assert asked(page, "GET", f"/stop/{STYLE_NAME}")[0] == 200


@pytest.mark.parametrize("path", ["/stop/", "/stop/x", "/", "/stop/" + "A" * 43, "/stop/%00", "/stop/<script>"])
def test_other_addresses_are_no_links(path: str) -> None:
    stopped = Stopped()
    page = OptOutPage(MARKS, stopped, domain="gate.example", url=URL)
    for method in ("GET", "POST"):
        status, body = asked(page, method, path)
        assert (status, stopped.marks) == (404, [])
        assert b"script>" not in body


def test_a_store_that_fails_is_told() -> None:
    stopped = Stopped()
    stopped.fails = True
    page = OptOutPage(MARKS, stopped, domain="gate.example", url=URL)
    status, _ = asked(page, "POST", MARKS.link("bob@example.org").removeprefix("https://gate.example"))
    assert status == 503


def test_the_stop_list_knows_addresses_domains_and_what_is_under_them(tmp_path: Path) -> None:
    file = tmp_path / "stop.txt"
    assert not StopListFile(file).current().stops("bob@example.org")
    file.write_text("# a comment\nBob@Example.org  # asked us\nstopped.example\n.under.example\n\n")
    found = StopListFile(file).current()
    assert len(found) == 3
    stopped = ("bob+1@example.org", "BOB@EXAMPLE.ORG", "a@stopped.example", "a@under.example", "a@b.c.under.example")
    assert [found.stops(one) for one in stopped] == [True] * 5
    free = ("bobby@example.org", "a@not.stopped.example", "a@xunder.example", "bob@example.org.example")
    assert [found.stops(one) for one in free] == [False] * 4
    assert not StopList(()).stops("a@b.example")


@pytest.mark.parametrize("line", ["two words", "bob@", "example.", "*@example.org"])
def test_a_line_that_would_stop_nothing_is_an_error(line: str, tmp_path: Path) -> None:
    (tmp_path / "stop.txt").write_text(f"fine.example\n{line}\n")
    with pytest.raises(ConfigError, match="line 2"):
        StopListFile(tmp_path / "stop.txt").current()
