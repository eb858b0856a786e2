"""The petition without a network: the real service and application, joined by fake clients, and an issuer of tokens."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from petition_app import Signer
from petition_service import PURPOSE, Petition, Sign
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from client.api import NoTokenError, ServiceFailedError
from client.testing import FakeNetwork, wait_for
from loopixmix.requests.names import Publish
from loopixmix.tokens import TokenKey, begin_token, encode_key_set, encode_token, finish_token
from loopixmix.tokens.signing import generate_key, load_signer
from provider.api import ServiceContext, ServiceRefusedError

HOUR_S = 3600


class NoKeys:
    """The cards of a provider that has none: the petition needs no cards."""

    async def card(self, name: str) -> bytes:
        return b""

    async def publish(self, publish: Publish) -> bool:
        return False


class World:
    """Alice and Bob, and a provider that issues tokens and hosts the petition."""

    def __init__(self, directory: Path) -> None:
        self.clock, self.rng = Clock(), random.Random(1)
        self.directory = directory
        self.signer = load_signer(generate_key(), rng=self.rng)
        self.key = TokenKey(purpose=PURPOSE, begins_s=0, ends_s=24 * HOUR_S, public=self.signer.public)
        (directory / "public.keys").write_bytes(encode_key_set([self.key]))
        self.service = self.start_service()
        self.network = FakeNetwork(clock=self.clock, rng=self.rng)
        self.network.add_service(self.service, provider="away")
        self.network.issue_tokens("away", self.key, self.signer)
        self.alice = Signer(self.network.client("alice@home"))
        self.bob = Signer(self.network.client("bob@home"))

    def start_service(self) -> Petition:
        settings = {"text": "More trees", "keys": str(self.directory / "public.keys")}
        context = ServiceContext(
            provider=bytes(32),
            directory=self.directory,
            clock=self.clock,
            rng=self.rng,
            keys=NoKeys(),
            settings=settings,
        )
        return Petition(context)

    def stop_service(self) -> None:
        Deferred.fromCoroutine(self.service.close())

    def new_token(self) -> bytes:
        pending = begin_token(self.key, self.rng)
        return encode_token(finish_token(pending, self.signer.sign_many([pending.blinded])[0]))

    def sign(self, token: bytes, comment: str = "yes") -> bytes:
        return self.service.answer(msgspec.msgpack.encode(Sign(token, comment)))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.stop_service()


def test_each_token_signs_once(world: World) -> None:
    for person in (world.alice, world.bob):
        wait_for(person.order("away", "code"), world.clock)
    world.clock.advance(2 * HOUR_S)
    wait_for(world.alice.sign("For the birds"), world.clock)
    wait_for(world.bob.sign("For the shade"), world.clock)
    signed = wait_for(world.alice.read(), world.clock)
    assert (signed.text, sorted(signed.comments)) == ("More trees", ["For the birds", "For the shade"])
    with pytest.raises(NoTokenError):
        wait_for(world.alice.sign("Once more"), world.clock)


def test_a_token_has_to_rest(world: World) -> None:
    wait_for(world.alice.order("away", "code"), world.clock)
    with pytest.raises(NoTokenError):
        wait_for(world.alice.sign("At once"), world.clock)


def test_a_token_that_was_spent_is_refused_also_after_a_restart(world: World) -> None:
    token = world.new_token()
    assert world.sign(token) == b"signed"
    for _ in range(2):
        with pytest.raises(ServiceRefusedError):
            world.sign(token, "again")
        world.stop_service()
        world.service = world.start_service()


def test_bad_tokens_are_refused_alike_and_sign_nothing(world: World) -> None:
    good = world.new_token()
    refusals = set()
    for token in (b"", good[:-1], good[:-1] + bytes([good[-1] ^ 1])):
        with pytest.raises(ServiceRefusedError) as error:
            world.sign(token)
        refusals.add(str(error.value))
    assert refusals == {"the token does not count"}
    assert wait_for(world.bob.read(), world.clock).comments == []


def test_a_token_ends_with_its_period(world: World) -> None:
    token = world.new_token()
    world.clock.advance(24 * HOUR_S)
    with pytest.raises(ServiceRefusedError):
        world.sign(token)


@pytest.mark.parametrize("body", [b"", b"sign", msgspec.msgpack.encode(Sign(b"", "x" * 501))])
def test_what_is_no_request_is_refused(world: World, body: bytes) -> None:
    with pytest.raises(ServiceRefusedError, match="neither"):
        world.service.answer(body)


def test_a_refusal_reaches_the_asker(world: World) -> None:
    request = msgspec.msgpack.encode(Sign(b"forged", "mine"))
    with pytest.raises(ServiceFailedError):
        wait_for(world.alice.client.request("petition", request, timeout_s=60.0), world.clock)
