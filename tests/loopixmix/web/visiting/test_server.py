"""The server of pages: a host for each application, bounded connections, and an orderly end."""

from __future__ import annotations

import random
from urllib.parse import urlsplit

import pytest
from twisted.internet.defer import Deferred

from loopixmix.errors import MisuseError
from loopixmix.web.visiting.server import MAX_CONNECTIONS, PageServer
from tests.worlds.clients.memory_web import converse
from tests.worlds.web.gallery import Gallery
from tests.worlds.web.memory_pages import FOLLOWED, MemoryPages


@pytest.fixture
def pages() -> MemoryPages:
    return MemoryPages()


def test_each_application_has_a_host_of_its_own_that_cannot_be_guessed(pages: MemoryPages) -> None:
    hosts = [urlsplit(pages.server.link(name)).hostname or "" for name in ("gallery", "other")]
    assert len(set(hosts)) == 2
    for host, name in zip(hosts, ("gallery", "other"), strict=True):
        label, _, rest = host.partition(".")
        assert rest == "localhost"
        assert len(bytes.fromhex(label.removeprefix(f"{name}-"))) == 8


@pytest.mark.parametrize(
    "host", ["127.0.0.1:40001", "localhost:40001", "evil.example:40001", "gallery.localhost:40001"]
)
def test_other_hosts_are_refused(pages: MemoryPages, host: str) -> None:
    pages.open()
    answer = pages.ask("/pages/gallery/", FOLLOWED, host=host)
    assert answer.status == 421
    assert b"Charts" not in answer.body


def test_one_application_is_added_once_and_only_while_it_listens(pages: MemoryPages) -> None:
    with pytest.raises(MisuseError, match="added once"):
        pages.server.add("gallery", Gallery())
    idle = PageServer(sockets=pages.web, clock=pages.clock, rng=random.Random(1), how=str)
    with pytest.raises(MisuseError, match="while the server listens"):
        idle.add("gallery", Gallery())
    with pytest.raises(MisuseError, match="no pages 'nothing'"):
        pages.server.link("nothing")


def test_connections_are_bounded(pages: MemoryPages) -> None:
    kept = [converse(pages.web, 40_001, b"GET ") for _ in range(MAX_CONNECTIONS)]
    assert not any(conversation.closed for conversation in kept)
    converse(pages.web, 40_001, b"GET / HTTP/1.1\r\n\r\n")
    assert [conversation.closed for conversation in kept].count(True) == 1


def test_after_the_end_nothing_is_left(pages: MemoryPages) -> None:
    pages.open()
    kept = converse(pages.web, 40_001, b"GET ")
    stopped = Deferred.fromCoroutine(pages.server.stop())
    pages.clock.pump([0.0] * 5)
    assert stopped.called
    assert kept.closed
    assert pages.web.listeners == {}
    assert not pages.server.is_listening
    with pytest.raises(MisuseError, match="no pages 'gallery'"):
        pages.server.link("gallery")
    assert Deferred.fromCoroutine(pages.server.stop()).called
    assert pages.clock.getDelayedCalls() == []
