from __future__ import annotations

import random

import msgspec
import pytest

from client.link.floors import Acceptance
from client.link.network import KnownNetwork
from loopixmix.directory import Document, NodeEntry
from loopixmix.params import NetworkParams
from loopixmix.sphinx import load_arithmetic
from tests.worlds.clients.world import QUICK
from tests.worlds.networks.models import model_network
from tests.worlds.networks.offers import gateway_entry, mail_offer, with_offer

OWN = bytes([7]) * 32


@pytest.fixture
def known() -> KnownNetwork:
    return known_network(OWN, is_gateway=False)


def known_network(identity: bytes, *, is_gateway: bool, acceptance: Acceptance = Acceptance.ANY) -> KnownNetwork:
    return KnownNetwork(
        identity=identity,
        is_gateway=is_gateway,
        acceptance=acceptance,
        arithmetic=load_arithmetic(),
        longest_retry_s=100.0,
    )


@pytest.fixture
def document(rng: random.Random) -> Document:
    return model_network(rng, params=QUICK).document


def test_nothing_is_known_at_first(known: KnownNetwork) -> None:
    assert (known.document, known.params, known.packet_format, known.problem) == (None, None, None, None)


def test_a_document_tells_the_figures_the_packets_and_how_long_to_wait(known: KnownNetwork, document: Document) -> None:
    assert known.accepts(document)
    taken = known.take(document)
    assert known.document is document
    assert known.params == QUICK
    assert taken is known.packet_format
    assert taken.geometry.payload_bytes == QUICK.payload_bytes
    assert known.policy.longest_s == 100.0
    assert known.policy.first_s < 60.0


def test_an_older_document_is_not_accepted_and_the_next_good_one_ends_the_trouble(
    known: KnownNetwork, document: Document
) -> None:
    known.take(document)
    older = msgspec.structs.replace(document, epoch=document.epoch - 1)
    assert not known.accepts(older)
    assert "older than one seen before" in (known.refusal or "")
    assert known.accepts(document)
    assert known.refusal is None


def test_what_the_last_run_knew_counts(known: KnownNetwork, document: Document) -> None:
    known.restore(QUICK, document.epoch + 1)
    assert known.params == QUICK
    assert known.document is None
    assert not known.accepts(document)


def test_what_the_last_run_knew_gives_way_to_a_document_that_came_first(
    known: KnownNetwork, document: Document
) -> None:
    known.take(document)
    known.restore(msgspec.structs.replace(QUICK, payload_bytes=4096), 0)
    assert known.params == QUICK
    assert known.accepts(document)


def test_the_next_run_must_know_of_a_new_epoch_and_of_new_figures_only(known: KnownNetwork, document: Document) -> None:
    assert known.is_news(document)
    known.take(document)
    assert not known.is_news(document)
    assert known.is_news(msgspec.structs.replace(document, epoch=document.epoch + 1))
    changed = msgspec.structs.replace(QUICK, payload_rate_per_s=1.0)
    assert known.is_news(msgspec.structs.replace(document, params=changed))


def test_the_figures_are_those_of_a_gateway_only_for_one_that_is_listed_at_its_provider_and_wants_to_be(
    document: Document,
) -> None:
    entry = gateway_entry(identity=OWN, payload_rate_per_s=40.0, pull_batch=60)
    listed = with_offer(document, "provider1", mail_offer({}, entry))
    [here, elsewhere] = (listed.node_named(name) for name in ("provider1", "provider2"))
    assert here is not None
    assert elsewhere is not None

    def figures(provider: NodeEntry | None, *, is_gateway: bool = True, own: bytes = OWN) -> NetworkParams | None:
        known = known_network(own, is_gateway=is_gateway)
        known.take(listed)
        if provider is not None:
            known.reside(provider.id)
        assert (known.problem is None) is (is_gateway or provider is not here)
        return known.params

    assert figures(here) == entry.within(QUICK)
    for others in (figures(None), figures(elsewhere), figures(here, own=bytes(32)), figures(here, is_gateway=False)):
        assert others == QUICK


def test_a_gateway_waits_for_answers_as_its_own_pulls_ask_and_the_next_document_counts(document: Document) -> None:
    known = known_network(OWN, is_gateway=True)
    provider = document.providers()[0]
    known.reside(provider.id)
    known.take(document)
    usual_s = known.policy.first_s
    known.take(with_offer(document, provider.name, mail_offer({}, gateway_entry(identity=OWN, pull_rate_per_s=100.0))))
    assert known.policy.first_s < usual_s
    assert not known.is_news(document), "the network's figures are what the next run must know"
    known.take(document)
    assert (known.policy.first_s, known.params) == (usual_s, QUICK)
