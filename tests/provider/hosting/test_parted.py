"""Requests of several packets: collected, carried out once, answered share by share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loopixmix.requests.answers import AnswerShare
from provider.store import MailStore
from tests.worlds.mailboxes.hosts import HostWorld, Oracle


class Echo:
    name = "echo"

    async def answer(self, body: bytes) -> bytes:
        return body


@pytest.fixture
def oracle() -> Oracle:
    return Oracle()


@pytest.fixture
def world(store: MailStore, oracle: Oracle) -> Iterator[HostWorld]:
    world = HostWorld(store, [oracle, Echo()])
    yield world
    world.stop()


def test_a_request_of_one_packet_is_answered(world: HostWorld) -> None:
    request = world.ask("echo", b"hello")
    assert world.said(request) == [AnswerShare(5, 1, 0, 0, b"hello")]


def test_a_request_and_an_answer_of_several_packets(world: HostWorld) -> None:
    body = world.rng.randbytes(10_000)
    request = world.ask("echo", body)
    assert request.head.pieces == 6
    assert world.answer(request) == body
