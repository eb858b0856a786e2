"""Mail domains and gateways: who may claim a domain, what a look-up tells, and who is made to stand out."""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
import pytest

from client.api import KeyChangedError, ServiceFailedError
from client.core.settings import ClientSettings
from loopixmix.directory import Document, DocumentInconsistent, Role, decode_document, sign_document
from loopixmix.directory.assembly import assemble
from loopixmix.directory.codec import Codec
from loopixmix.directory.verification import DocumentSignature, SignedDocument
from loopixmix.errors import MisuseError
from loopixmix.requests.names import LookUp, decode_keys_request
from tests.worlds.clients.world import QUICK, Person, ScriptedProvider, World
from tests.worlds.networks.models import NOW_S, model_network
from tests.worlds.networks.offers import gateway_entry, mail_offer, with_offer

NETWORK = model_network(random.Random(1))
NETWORK_ID = NETWORK.trust_root.network_id


@pytest.fixture
def world() -> Iterator[World]:
    made = World(seed=8)
    yield made
    made.stop()


def document_of(wishes: dict[str, list[str]], owners: dict[str, str]) -> Document:
    """Return the document that an authority makes of what providers claim."""
    descriptors = [
        msgspec.structs.replace(
            node.descriptor(NETWORK_ID, issued_at_ms=int(NOW_S * 1000)),
            mail=mail_offer(dict.fromkeys(wishes.get(node.name, []))) if node.role is Role.PROVIDER else None,
        )
        for node in NETWORK.nodes
    ]
    made = assemble(
        descriptors,
        network_id=NETWORK_ID,
        epoch=NETWORK.epoch,
        valid_epochs=2,
        params=NETWORK.params,
        previous_layers={},
        domains=owners,
    )
    assert isinstance(made, Document)
    return decode_document(sign_document(made, NETWORK.authority), NETWORK.trust_root, now_s=NOW_S)


def test_a_provider_does_not_get_a_domain_that_it_was_not_allowed() -> None:
    document = document_of({"provider1": ["example.net", "example.org"]}, {"example.net": "provider1"})
    assert document.reach("bob", "example.org") is None
    assert document.reach("bob", "example.net") is not None


def test_of_two_providers_that_claim_one_domain_the_allowed_one_has_it() -> None:
    both = {"provider1": ["example.org"], "provider2": ["example.org"]}
    for owner in both:
        reach = document_of(both, {"example.org": NETWORK.node(owner).id.hex()}).reach("bob", "example.org")
        assert reach is not None
        assert reach.provider.name == owner
    # An identity that looks like the owner's does not help, nor does being the only one that asks.
    assert document_of({"provider2": ["example.org"]}, {"example.org": "provider1"}).reach("a", "example.org") is None


def test_a_document_in_which_a_domain_is_two_providers_is_refused_whoever_signed_it() -> None:
    document = with_offer(NETWORK.document, "provider1", mail_offer({"example.org": None}))
    document = with_offer(document, "provider2", mail_offer({"example.org": "gate"}))
    with pytest.raises(MisuseError, match=r"the mail domain example\.org occurs twice"):
        sign_document(document, NETWORK.authority)
    data = msgspec.msgpack.encode(document)
    signature = NETWORK.authority.sign(b"loopixmix/document/v1", data)
    signed = SignedDocument(
        document=data, signatures=(DocumentSignature(authority=NETWORK.authority.public, signature=signature),)
    )
    with pytest.raises(DocumentInconsistent, match=r"the mail domain example\.org occurs twice"):
        decode_document(Codec(SignedDocument, "forged").encode(signed), NETWORK.trust_root, now_s=NOW_S)


def gateway(world: World, *, wanted: bool = True) -> Person:
    """Return the client of the account gate@away, with ten times the rates of others, if its user wants them."""
    person = world.person("gate@away", settings=ClientSettings(gateway=wanted))
    entry = gateway_entry(identity=person.keys.identity_key.public, payload_rate_per_s=40.0, pull_rate_per_s=20.0)
    world.offer("away", mail_offer({"example.org": "gate"}, entry))
    return person


def test_a_provider_that_gives_another_key_for_a_gateway_is_refused(world: World) -> None:
    alice, gate = world.person("alice@home"), gateway(world)
    away = world.providers["away"]
    away.mailboxes[gate.keys.identity_key.public].card = away.decoy("gate")
    with pytest.raises(ServiceFailedError, match=r"another key than the network document has for example\.org"):
        world.run(alice.client.add_contact("a@example.org"))
    assert world.run(alice.client.contacts()) == []


def test_a_gateway_that_is_replaced_in_the_document_is_a_changed_key(world: World) -> None:
    alice, _ = world.person("alice@home"), gateway(world)
    world.run(alice.client.add_contact("a@example.org"))
    # The account stays, and the authority lists another key for it.
    world.offer("away", mail_offer({"example.org": "gate"}, gateway_entry()))
    with pytest.raises(KeyChangedError, match=r"example\.org belongs to another account now"):
        world.run(alice.client.send("a@example.org", b"secret", kind="text", idempotency_key="1"))


def test_looking_up_any_name_of_a_gateways_domain_is_one_request(world: World) -> None:
    alice, _ = world.person("alice@home"), gateway(world)
    asked = list[bytes]()

    def keys(provider: ScriptedProvider, body: bytes) -> bytes | None:
        asked.append(body)
        return provider.keys(body)

    world.clock.run_for(20)  # until both have published their cards
    world.services = {
        service: keys if answer is ScriptedProvider.keys else answer for service, answer in world.services.items()
    }
    for address in ("a@example.org", "somebody.else@example.org", "gate@away"):
        world.run(alice.client.add_contact(address))
    assert {decode_keys_request(body) for body in asked} == {LookUp("gate")}
    assert len(asked) >= 3
    assert len(set(asked)) == 1


def test_a_user_who_is_listed_as_a_gateway_does_not_stand_out(world: World) -> None:
    victim = gateway(world, wanted=False)
    status = world.run(victim.client.status())
    assert status.payload.rate_per_s == QUICK.payload_rate_per_s
    assert "the provider lists this client as a gateway" in status.problem
    # What another provider says of a client is no matter at all, whatever its user wants.
    other = world.person("bob@home", settings=ClientSettings(gateway=True))
    world.offer("away", mail_offer({}, gateway_entry(identity=other.keys.identity_key.public, payload_rate_per_s=40.0)))
    status = world.run(other.client.status())
    assert (status.payload.rate_per_s, status.problem) == (QUICK.payload_rate_per_s, "")


def test_a_gateways_streams_and_pulls_follow_the_document(world: World) -> None:
    gate = gateway(world)
    status = world.run(gate.client.status())
    assert (status.payload.rate_per_s, status.loop.rate_per_s, status.drop.rate_per_s) == (40.0, 1.0, 1.0)
    mailbox = world.providers["away"].mailboxes[gate.keys.identity_key.public]

    def counted(seconds: float) -> tuple[int, int]:
        sent, pulls = world.run(gate.client.status()).payload.sent, mailbox.pulls
        world.clock.run_for(seconds)
        return world.run(gate.client.status()).payload.sent - sent, mailbox.pulls - pulls

    # Seeded; 6 standard deviations of 1,200 Poisson events are 208.
    packets, pulls = counted(30)
    assert 990 < packets < 1410
    assert 580 <= pulls <= 605
    # Without it in the document it is a client like others.
    world.offer("away", mail_offer())
    world.clock.run_for(1)
    packets, pulls = counted(30)
    assert 54 < packets < 186
    assert 55 <= pulls <= 65
