"""Opening an account, and publishing its card."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from twisted.internet.defer import Deferred

from client.api import (
    BadRequestError,
    RegistrationRefusedError,
)
from client.asking.account import PUBLISH_TIMEOUT_S, AccountOpening, KeptEnrolment
from client.asking.guests import GuestOpening
from client.asking.tokens import TokenWallet
from client.core.settings import ClientSettings, TokenWaits
from client.link.registration import Registration
from loopixmix.cards import CARD_BYTES
from loopixmix.errors import UnavailableError
from tests.worlds.clients.parts import Parts
from tests.worlds.clients.world import World


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.stop()


def test_a_registration_needs_its_invitation() -> None:
    world = World(invitation="secret")
    stranger = world.person()
    with pytest.raises(RegistrationRefusedError, match="valid invitation"):
        world.run(stranger.client.register("alice", "home", invitation="guess"))
    assert world.run(stranger.client.register("alice", "home", invitation="secret")) == "alice@home"
    world.stop()


def test_a_registration_waits_for_the_link_and_gives_up(world: World) -> None:
    stranger = world.person(settings=ClientSettings(patience_s=20.0))
    stranger.link.cut = True
    with pytest.raises(UnavailableError, match=r"the provider home at .* cannot be reached"):
        world.run(stranger.client.register("alice", "home"))
    asking = Deferred.fromCoroutine(stranger.client.register("alice", "home"))
    with pytest.raises(BadRequestError, match="under way"):
        world.run(stranger.client.register("alice", "away"))
    stranger.link.cut = False
    assert world.run(asking) == "alice@home"


def test_a_registration_without_a_document_gives_up(world: World) -> None:
    world.document = None
    stranger = world.person(settings=ClientSettings(patience_s=5.0))
    with pytest.raises(UnavailableError, match="no network document"):
        world.run(stranger.client.register("alice", "home"))


def test_stopping_ends_a_registration(world: World) -> None:
    stranger = world.person()
    stranger.link.cut = True
    asking = Deferred.fromCoroutine(stranger.client.register("alice", "home"))
    world.clock.run_for(1)
    stranger.stop()
    with pytest.raises(UnavailableError, match="stopping"):
        world.run(asking)


def test_registering_again(world: World) -> None:
    alice = world.person("alice@home")
    assert world.run(alice.client.register("alice", "home")) == "alice@home"
    with pytest.raises(BadRequestError, match="the account alice@home already"):
        world.run(alice.client.register("alice2", "home"))
    with pytest.raises(BadRequestError, match="invitation has at most"):
        world.run(alice.client.register("alice", "home", invitation="x" * 300))


def test_the_card_is_published_in_the_end(world: World) -> None:
    alice = world.person()
    world.loss = 1.0
    world.run(alice.client.register("alice", "home"))
    box = world.providers["home"].mailboxes[alice.keys.identity_key.public]
    world.clock.run_for(10)
    assert box.version == 0
    alice.restart()
    world.loss = 0.0
    assert world.wait_for(lambda: box.version == 1, 600)
    world.clock.run_for(5)
    assert len(box.card) == CARD_BYTES
    alice.restart()
    asked = len(world.providers["home"].requests)
    world.clock.run_for(30)
    assert len(world.providers["home"].requests) == asked  # once is enough


def test_one_registration_at_a_time_even_while_both_would_wait_for_a_document(world: World) -> None:
    document, world.document = world.document, None
    assert document is not None
    stranger = world.person()
    first = Deferred.fromCoroutine(stranger.client.register("alice", "home"))
    with pytest.raises(BadRequestError, match="under way"):
        world.run(stranger.client.register("bob", "away"))
    stranger.client.adopt(document)
    assert world.run(first) == "alice@home"
    assert world.run(stranger.client.status()).address == "alice@home"
    assert world.providers["away"].mailboxes == {}


def test_a_client_that_stops_while_its_new_account_is_written_asks_for_nothing_more(world: World) -> None:
    stranger = world.person(work_s=5.0)
    asking = Deferred.fromCoroutine(stranger.client.register("alice", "home"))
    assert world.wait_for(lambda: world.providers["home"].mailboxes, 60)
    world.clock.run_for(0.5)
    stranger.stop()
    assert world.run(asking) == "alice@home"
    stranger.work_s = None
    stranger.start()
    assert world.run(stranger.client.status()).address == "alice@home"


def test_a_clock_that_is_set_back_does_not_keep_the_card_from_being_published() -> None:
    parts = Parts()
    parts.go_online()
    hosts = tuple(msgspec.structs.replace(node, services=("keys",)) for node in parts.document.providers())
    mixes = tuple(node for node in parts.document.nodes if node.layer is not None)
    parts.session.adopt(msgspec.structs.replace(parts.document, nodes=(*mixes, *hosts)))
    registration = Registration(parts.session, clock=parts.clock, patience_s=60.0, document_problem=lambda: None)
    wallet = TokenWallet(
        session=parts.session,
        requests=parts.requests,
        access=parts.access,
        waits=TokenWaits(),
        clock=parts.clock,
        rng=parts.rng,
    )
    enrolment = AccountOpening(
        keys=parts.keys,
        session=parts.session,
        registration=registration,
        guests=GuestOpening(session=parts.session, registration=registration, purse=wallet, rng=parts.rng),
        requests=parts.requests,
        access=parts.access,
    )
    enrolment.restore(KeptEnrolment(parts.account, bytes(CARD_BYTES), published=False))
    enrolment.publish()
    assert parts.send_next() is not None
    parts.clock.advance(PUBLISH_TIMEOUT_S)
    enrolment.publish()
    assert parts.send_next() is None  # not at once again
    parts.clock.rightNow -= 3600
    enrolment.publish()
    assert parts.send_next() is not None
    enrolment.stop()
    parts.close()
