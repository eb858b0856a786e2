"""The loop service: every packet is answered alike, whatever is in it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from loopixmix.routing.path import LOOP_PAYLOAD, LOOP_SERVICE
from provider.api import PayloadService, ServiceContext
from provider.builtin.loop import LoopService
from tests.worlds.mailboxes.hosted_services import NoKeys


@pytest.fixture
def service(rng: random.Random) -> LoopService:
    return LoopService(
        ServiceContext(provider=bytes(32), directory=Path(), clock=Clock(), rng=rng, keys=NoKeys(), settings={})
    )


@pytest.mark.parametrize("payload", [LOOP_PAYLOAD, b"x", bytes(2048)])
def test_the_answer_is_empty_whatever_is_sent(service: LoopService, payload: bytes) -> None:
    assert service.reply(payload) == b""


def test_it_is_the_service_that_loops_are_sent_to(service: LoopService) -> None:
    assert service.name == LOOP_SERVICE
    assert isinstance(service, PayloadService)
