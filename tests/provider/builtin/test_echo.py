"""The echo service."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from provider.api import ServiceContext
from provider.builtin.echo import EchoService
from tests.worlds.mailboxes.hosted_services import NoKeys, result_of


@pytest.mark.parametrize("body", [b"", b"anybody there?", bytes(2000)])
def test_the_answer_is_the_request(rng: random.Random, body: bytes) -> None:
    context = ServiceContext(provider=bytes(32), directory=Path(), clock=Clock(), rng=rng, keys=NoKeys(), settings={})
    assert result_of(EchoService(context).answer(body)) == body
