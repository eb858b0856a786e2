"""Documents out of descriptors, and who lands in which layer."""

from __future__ import annotations

import random
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.directory import Descriptor, Document, Role, decode_document, sign_document
from loopixmix.directory.assembly import Incomplete, assemble, assign_layers
from tests.worlds.networks.models import NOW_S, model_network
from tests.worlds.networks.offers import gateway_entry, mail_offer

NETWORK = model_network(random.Random(1))
NETWORK_ID = NETWORK.trust_root.network_id
EPOCH = NETWORK.epoch
HOUR_MS = 3_600_000
DESCRIPTORS = [node.descriptor(NETWORK_ID, issued_at_ms=int(NOW_S * 1000)) for node in NETWORK.nodes]


def document_of(
    descriptors: list[Descriptor],
    *,
    epoch: int = EPOCH,
    valid_epochs: int = 2,
    previous: dict[bytes, int] | None = None,
    domains: dict[str, str] | None = None,
) -> Document | Incomplete:
    return assemble(
        descriptors,
        network_id=NETWORK_ID,
        epoch=epoch,
        valid_epochs=valid_epochs,
        params=NETWORK.params,
        previous_layers=previous or {},
        domains=domains or {},
    )


def names_in(descriptors: list[Descriptor], epoch: int = EPOCH) -> set[str]:
    document = document_of(descriptors, epoch=epoch)
    assert isinstance(document, Document), document
    return {node.name for node in document.nodes}


def changed(which: str, /, **changes: object) -> list[Descriptor]:
    return [
        msgspec.structs.replace(descriptor, **changes) if descriptor.name == which else descriptor
        for descriptor in DESCRIPTORS
    ]


ALL = {descriptor.name for descriptor in DESCRIPTORS}


def test_a_document_that_clients_believe_comes_out() -> None:
    document = document_of(DESCRIPTORS)
    assert isinstance(document, Document)
    believed = decode_document(sign_document(document, NETWORK.authority), NETWORK.trust_root, now_s=NOW_S)
    assert believed == document
    assert {node.name for node in document.nodes} == ALL
    assert Counter(node.layer for node in document.nodes) == {1: 2, 2: 2, 3: 2, None: 2}
    assert all(list(node.mix_keys) == [EPOCH, EPOCH + 1] for node in document.nodes)


@given(st.randoms(use_true_random=False))
def test_the_order_in_which_descriptors_come_does_not_matter(shuffler: random.Random) -> None:
    shuffled = list(DESCRIPTORS)
    shuffler.shuffle(shuffled)
    assert document_of(shuffled) == document_of(DESCRIPTORS)


def test_one_mix_a_layer_and_a_provider_are_enough() -> None:
    assert len(names_in(DESCRIPTORS[:3] + DESCRIPTORS[-1:])) == 4


def test_who_withdrew_or_stopped_uploading_or_lacks_keys_is_left_out() -> None:
    without = ALL - {"mix11"}
    assert names_in(changed("mix11", withdrawn=True)) == without
    last_counted_ms = int(NOW_S * 1000) - HOUR_MS - 60_000
    assert names_in(changed("mix11", issued_at_ms=last_counted_ms)) == ALL
    assert names_in(changed("mix11", issued_at_ms=last_counted_ms - 1)) == without
    keys = NETWORK.node("mix11").public_mix_keys
    assert names_in(changed("mix11", mix_keys={EPOCH: keys[EPOCH]})) == without
    assert names_in(changed("mix11", mix_keys={EPOCH + 1: keys[EPOCH + 1]})) == without


def test_of_two_nodes_with_one_name_one_stays() -> None:
    first, second = sorted(DESCRIPTORS[:2], key=lambda descriptor: descriptor.node_id)
    document = document_of(changed(second.name, name=first.name))
    assert isinstance(document, Document)
    assert document.node(first.node_id)
    assert not document.node(second.node_id)


def test_a_provider_has_the_mail_domains_that_are_its_own_and_no_others() -> None:
    wanted = mail_offer({"a.org": None, "b.org": "gate", "c.org": None, "d.org": None}, gateway_entry())
    owners = {"a.org": "provider1", "b.org": NETWORK.node("provider1").id.hex(), "c.org": "provider2", "e.org": "e"}
    both = [
        msgspec.structs.replace(descriptor, mail=wanted if descriptor.role is Role.PROVIDER else None)
        for descriptor in DESCRIPTORS
    ]
    document = document_of(both, domains=owners)
    assert isinstance(document, Document)
    decode_document(sign_document(document, NETWORK.authority), NETWORK.trust_root, now_s=NOW_S)
    offers = {node.name: node.mail for node in document.providers() if node.mail is not None}
    assert {name: [each.domain for each in offer.domains] for name, offer in offers.items()} == {
        "provider1": ["a.org", "b.org"],
        "provider2": ["c.org"],
    }
    assert all(offer.gateways == wanted.gateways for offer in offers.values())


@pytest.mark.parametrize(
    ("keep", "reason"),
    [
        (lambda d: d.role is Role.MIX, "no provider"),
        (lambda d: d.role is Role.PROVIDER, "0 mixes are enrolled and 3 layers"),
        (lambda d: d.name in ("mix11", "mix12", "provider1"), "2 mixes are enrolled and 3 layers"),
    ],
)
def test_too_few_nodes_make_no_document(keep: object, reason: str) -> None:
    assert callable(keep)
    result = document_of([descriptor for descriptor in DESCRIPTORS if keep(descriptor)])
    assert isinstance(result, Incomplete)
    assert reason in result.reason


node_ids = st.sets(st.integers(0, 2**40).map(lambda number: number.to_bytes(32, "big")), min_size=1, max_size=30)


@given(
    mixes=node_ids, layer_count=st.integers(1, 5), previous=st.dictionaries(st.integers(0, 2**40), st.integers(0, 7))
)
def test_layers_are_balanced_and_stay_for_an_unchanged_set(
    mixes: set[bytes], layer_count: int, previous: dict[int, int]
) -> None:
    known = {number.to_bytes(32, "big"): layer for number, layer in previous.items()}
    layers = assign_layers(mixes, layer_count, previous=known, network_id=NETWORK_ID)
    assert set(layers) == mixes
    sizes = Counter(dict.fromkeys(range(1, layer_count + 1), 0))
    sizes.update(layers.values())
    assert set(sizes) == set(range(1, layer_count + 1))
    assert max(sizes.values()) - min(sizes.values()) <= 1
    again = assign_layers(sorted(mixes), layer_count, previous=layers, network_id=NETWORK_ID)
    assert again == layers


@given(mixes=node_ids, newcomer=st.binary(min_size=32, max_size=32), layer_count=st.integers(1, 5))
def test_a_newcomer_moves_nobody(mixes: set[bytes], newcomer: bytes, layer_count: int) -> None:
    before = assign_layers(mixes, layer_count, previous={}, network_id=NETWORK_ID)
    after = assign_layers(mixes | {newcomer}, layer_count, previous=before, network_id=NETWORK_ID)
    assert {identity: after[identity] for identity in mixes} == before


@given(mixes=node_ids, layer_count=st.integers(1, 5), leaver=st.integers(0))
def test_a_leaver_moves_at_most_one(mixes: set[bytes], layer_count: int, leaver: int) -> None:
    before = assign_layers(mixes, layer_count, previous={}, network_id=NETWORK_ID)
    rest = mixes - {sorted(mixes)[leaver % len(mixes)]}
    after = assign_layers(rest, layer_count, previous=before, network_id=NETWORK_ID)
    assert sum(after[identity] != before[identity] for identity in rest) <= 1


def test_fewer_layers_keep_who_can_stay() -> None:
    mixes = [bytes([number] * 32) for number in range(9)]
    before = assign_layers(mixes, 3, previous={}, network_id=NETWORK_ID)
    after = assign_layers(mixes, 2, previous=before, network_id=NETWORK_ID)
    assert all(after[identity] == before[identity] for identity in mixes if before[identity] < 3)
