"""Paths: one uniform mix a layer, exponential delays, the right key and command for each hop."""

from __future__ import annotations

import hashlib
import random
from collections import Counter

import msgspec
import pytest
from scipy import stats

from loopixmix.directory import Document
from loopixmix.epoch import epoch_start_s
from loopixmix.errors import MisuseError, UnavailableError
from loopixmix.params import NetworkParams
from loopixmix.routing.path import (
    Neighbourhood,
    choose_loop_end,
    choose_path,
    deliver_to,
    draw_delays_s,
    hops_for,
    next_hops,
    previous_hops,
    recipient_of,
    service_id,
)
from loopixmix.sphinx import Deliver, Discard, Geometry, Hop, Payload, Relay, Reply, Sphinx, load_arithmetic, make_surb
from loopixmix.wire import LinkRole
from tests.worlds.networks.models import EPOCH, model_network

PARAMS = NetworkParams(delay_mean_s=0.2, epoch_length_s=60, grace_s=5)
NET = model_network(random.Random(1), params=PARAMS, mixes_per_layer=3, epoch=EPOCH)


def names(ids: frozenset[bytes]) -> set[str]:
    return {node.name for node in NET.document.nodes if node.id in ids}


def test_a_service_is_known_by_a_hash_of_its_name() -> None:
    assert service_id("loop") == hashlib.sha256(b"loopixmix/service/v1:loop").digest()


def test_a_recipient_is_hidden_under_the_content_of_the_body(rng: random.Random) -> None:
    """The address is recipient xor SHA-256(domain | content), the content as docs/protocol/packet.md has it."""
    key = NET.node("provider1").public_mix_keys[EPOCH]
    surb, _ = make_surb(
        bytes(32), [Hop(key, Reply(bytes(32), bytes(8)))], sphinx=Sphinx(Geometry(), load_arithmetic()), rng=rng
    )
    recipient = rng.randbytes(32)
    for block, content in ((None, b"\x00hello"), (surb, b"\x01" + surb.encode() + b"hello")):
        command = deliver_to(recipient, b"hello", block)
        mask = hashlib.sha256(b"loopixmix/address/v1:" + content).digest()
        assert command == Deliver(bytes(a ^ b for a, b in zip(recipient, mask, strict=True)))
        assert recipient_of(command, Payload(block, b"hello")) == recipient
        assert recipient_of(command, Payload(block, b"hellp")) != recipient


def test_a_path_goes_from_provider_through_every_layer_to_provider(rng: random.Random) -> None:
    path = choose_path(NET.document, entry=NET.node("provider1").id, exit=NET.node("provider2").id, rng=rng)
    assert [node.layer for node in path] == [None, 1, 2, 3, None]
    assert (path[0].name, path[-1].name) == ("provider1", "provider2")


def test_mixes_are_chosen_uniformly_and_each_alone() -> None:
    """H0: the 27 combinations are equally likely. Chi-squared, n = 5,400, false-alarm rate 1e-3; seeded."""
    rng = random.Random(8)
    p1 = NET.node("provider1").id
    paths = [choose_path(NET.document, entry=p1, exit=p1, rng=rng) for _ in range(5400)]
    combinations = Counter(tuple(node.name for node in path[1:-1]) for path in paths)
    assert len(combinations) == 27
    assert stats.chisquare(list(combinations.values())).pvalue > 1e-3


@pytest.mark.parametrize("stranger", [b"x" * 32, NET.node("mix11").id])
def test_a_path_begins_and_ends_at_providers_of_the_document(rng: random.Random, stranger: bytes) -> None:
    p1 = NET.node("provider1").id
    with pytest.raises(UnavailableError, match="not in the network document"):
        choose_path(NET.document, entry=stranger, exit=p1, rng=rng)
    with pytest.raises(UnavailableError, match="not in the network document"):
        choose_path(NET.document, entry=p1, exit=stranger, rng=rng)


def test_loops_end_at_any_provider_that_ends_loops(rng: random.Random) -> None:
    ends = {choose_loop_end(NET.document, rng).name for _ in range(50)}
    assert ends == {"provider1", "provider2"}


def test_without_a_provider_that_ends_loops_there_is_no_loop(rng: random.Random) -> None:
    network = model_network(rng, params=PARAMS, services=("echo",), epoch=EPOCH)
    with pytest.raises(UnavailableError, match="ends loops"):
        choose_loop_end(network.document, rng)


def test_delays_are_exponential() -> None:
    """H0: Exp(mean 0.2 s). Kolmogorov-Smirnov, n = 20,000, false-alarm rate 1e-3; seeded."""
    delays_s = draw_delays_s(20_000, PARAMS, random.Random(4))
    assert stats.kstest(delays_s, stats.expon(scale=0.2).cdf).pvalue > 1e-3
    # So many draws do not show a grid of milliseconds, nor a cap at five means or more, by that alone. But on a grid
    # values come again, and that none of 20,000 is beyond seven means happens once in 10^7 times.
    assert len(set(delays_s)) == len(delays_s)
    assert max(delays_s) > 7 * 0.2


def test_delays_are_told_to_the_microsecond(rng: random.Random) -> None:
    """H0: what is beyond a millisecond is uniform. Kolmogorov-Smirnov, n = 4,000, false-alarm rate 1e-3; seeded."""
    path = choose_path(NET.document, entry=NET.node("provider1").id, exit=NET.node("provider2").id, rng=rng)
    beyond_ms = []
    for _ in range(1000):
        delays_s = draw_delays_s(len(path) - 1, PARAMS, rng)
        hops = hops_for(NET.document, path, Discard(), delays_s, start_s=NET.start_s)
        commands = [hop.command for hop in hops[:-1]]
        told_us = [command.delay_us for command in commands if isinstance(command, Relay)]
        assert told_us == [round(delay_s * 1e6) for delay_s in delays_s]
        beyond_ms += [(each % 1000 + 0.5) / 1000 for each in told_us]
    assert stats.kstest(beyond_ms, stats.uniform.cdf).pvalue > 1e-3


class LongThenShort(random.Random):
    """Draws one delay over the cap, then one below."""

    def __init__(self) -> None:
        super().__init__(0)
        self._draws = [28.0, 3.0]

    def expovariate(self, lambd: float = 1.0) -> float:
        return self._draws.pop(0) / lambd


def test_a_delay_that_no_node_would_accept_is_drawn_anew() -> None:
    assert draw_delays_s(1, PARAMS, LongThenShort()) == pytest.approx((0.6,))


def test_each_hop_is_told_its_delay_and_the_next_node(rng: random.Random) -> None:
    path = choose_path(NET.document, entry=NET.node("provider1").id, exit=NET.node("provider2").id, rng=rng)
    hops = hops_for(NET.document, path, Discard(), (0.1, 0.2, 0.3, 0.4000004), start_s=NET.start_s)
    assert [hop.public_key for hop in hops] == [node.mix_keys[EPOCH] for node in path]
    assert [hop.command for hop in hops] == [
        Relay(path[1].id, 100_000),
        Relay(path[2].id, 200_000),
        Relay(path[3].id, 300_000),
        Relay(path[4].id, 400_000),
        Discard(),
    ]


def test_a_packet_that_crosses_an_edge_has_the_keys_of_both_epochs(rng: random.Random) -> None:
    path = choose_path(NET.document, entry=NET.node("provider1").id, exit=NET.node("provider2").id, rng=rng)
    edge_s = epoch_start_s(EPOCH + 1, PARAMS.epoch_length_s)
    hops = hops_for(NET.document, path, Discard(), (0.5, 0.6, 0.1, 0.1), start_s=edge_s - 1)
    epochs = [EPOCH, EPOCH, EPOCH + 1, EPOCH + 1, EPOCH + 1]
    assert [hop.public_key for hop in hops] == [node.mix_keys[epoch] for node, epoch in zip(path, epochs, strict=True)]


@pytest.mark.parametrize(("start_s", "epoch"), [(NET.start_s - 3, EPOCH), (NET.start_s + 1e6, EPOCH + 2)])
def test_outside_the_document_the_nearest_key_serves(rng: random.Random, start_s: float, epoch: int) -> None:
    document = NET.document_with(valid_until_s=epoch_start_s(EPOCH + 3, PARAMS.epoch_length_s))
    path = (NET.node("provider1").entry(),)
    (hop,) = hops_for(document, path, Discard(), (), start_s=start_s)
    assert hop.public_key == path[0].mix_keys[epoch]


@pytest.mark.parametrize("count", [3, 5])
def test_every_hop_but_the_last_has_a_delay(rng: random.Random, count: int) -> None:
    path = choose_path(NET.document, entry=NET.node("provider1").id, exit=NET.node("provider2").id, rng=rng)
    with pytest.raises(MisuseError, match="has 4 delays"):
        hops_for(NET.document, path, Discard(), (0.1,) * count, start_s=NET.start_s)


@pytest.mark.parametrize(
    ("name", "after", "before"),
    [
        ("provider1", {"mix11", "mix12", "mix13"}, {"mix31", "mix32", "mix33"}),
        ("mix11", {"mix21", "mix22", "mix23"}, {"provider1", "provider2"}),
        ("mix22", {"mix31", "mix32", "mix33"}, {"mix11", "mix12", "mix13"}),
        ("mix33", {"provider1", "provider2"}, {"mix21", "mix22", "mix23"}),
    ],
)
def test_packets_move_from_layer_to_layer(name: str, after: set[str], before: set[str]) -> None:
    identity = NET.node(name).id
    assert names(next_hops(NET.document, identity)) == after
    assert names(previous_hops(NET.document, identity)) == before


def test_a_stranger_has_no_neighbours() -> None:
    assert next_hops(NET.document, b"x" * 32) == previous_hops(NET.document, b"x" * 32) == frozenset()


def test_a_neighbourhood_spans_the_documents_of_three_epochs() -> None:
    mix11 = NET.node("mix11").id
    neighbourhood = Neighbourhood(mix11)
    assert neighbourhood.next_hops == neighbourhood.previous_hops == frozenset()
    assert neighbourhood.max_delay_s == 0.0
    documents = []
    for number in range(4):
        params = msgspec.structs.replace(PARAMS, delay_mean_s=0.4 - number / 10)
        other = model_network(random.Random(50 + number), params=params, epoch=EPOCH + number)
        own = msgspec.structs.replace(NET.node("mix11").entry(), port=1000 + number)
        documents.append(msgspec.structs.replace(other.document, nodes=(*other.document.nodes, own)))
    for document in documents:
        neighbourhood.add(document)
    assert neighbourhood.next_hops == {node.id for document in documents[1:] for node in document.layer(2)}
    assert neighbourhood.previous_hops == {node.id for document in documents[1:] for node in document.providers()}
    assert neighbourhood.max_delay_s == documents[1].params.max_delay_s
    newest = neighbourhood.entry(mix11)
    assert newest is not None
    assert newest.port == 1003
    assert neighbourhood.entry(b"x" * 32) is None


def test_a_document_of_the_same_epoch_takes_the_place_of_the_other() -> None:
    neighbourhood = Neighbourhood(NET.node("mix11").id)
    neighbourhood.add(NET.document)
    neighbourhood.add(model_network(random.Random(50), params=PARAMS, epoch=EPOCH).document)
    assert neighbourhood.next_hops == frozenset()


def moved_network(own: str, layer: int, *, epoch: int) -> Document:
    """The document of `epoch`, in which the mix `own` stands in another layer."""
    nodes = tuple(
        msgspec.structs.replace(node, layer=layer) if node.name == own else node for node in NET.document.nodes
    )
    start_s = epoch * PARAMS.epoch_length_s
    return msgspec.structs.replace(NET.document, epoch=epoch, valid_from_s=start_s, nodes=nodes)


def test_packets_come_from_the_layer_before_in_each_document_whose_packets_may_be_under_way() -> None:
    me, first, second = (NET.node(name).id for name in ("mix31", "mix11", "mix21"))
    provider_id = NET.node("provider1").id
    edge_s = float((EPOCH + 1) * PARAMS.epoch_length_s)
    until_s = edge_s + max(PARAMS.grace_s, PARAMS.max_delay_s)
    neighbourhood = Neighbourhood(me)
    assert not neighbourhood.takes_from(second, edge_s)
    neighbourhood.add(NET.document)
    # While no other document is known the only one counts, however late it is.
    assert neighbourhood.takes_from(second, edge_s + 3 * PARAMS.epoch_length_s)
    assert not neighbourhood.takes_from(first, edge_s)
    assert not neighbourhood.takes_from(provider_id, edge_s)
    neighbourhood.add(moved_network("mix31", 1, epoch=EPOCH + 1))
    for at_s, from_second in ((edge_s - 50, True), (until_s - 0.01, True), (until_s, False), (until_s + 99, False)):
        assert neighbourhood.takes_from(provider_id, at_s)
        assert neighbourhood.takes_from(second, at_s) is from_second
        assert not neighbourhood.takes_from(first, at_s)
    # A clock that is set back finds what counted then.
    assert neighbourhood.takes_from(second, edge_s)


def test_an_old_document_counts_as_long_as_its_keys_if_no_delay_is_longer() -> None:
    me, second = NET.node("mix31").id, NET.node("mix21").id
    quick = msgspec.structs.replace(PARAMS, delay_mean_s=0.01)
    assert quick.max_delay_s < quick.grace_s
    neighbourhood = Neighbourhood(me)
    neighbourhood.add(msgspec.structs.replace(NET.document, params=quick))
    neighbourhood.add(moved_network("mix31", 1, epoch=EPOCH + 1))
    edge_s = float((EPOCH + 1) * PARAMS.epoch_length_s)
    assert neighbourhood.takes_from(second, edge_s + quick.grace_s - 0.01)
    assert not neighbourhood.takes_from(second, edge_s + quick.grace_s)


def test_a_neighbour_has_the_role_of_its_place() -> None:
    neighbourhood = Neighbourhood(NET.node("mix11").id)
    assert neighbourhood.role_of(NET.node("provider1").id) is None
    neighbourhood.add(NET.document)
    assert neighbourhood.role_of(NET.node("provider1").id) is LinkRole.PROVIDER
    assert neighbourhood.role_of(NET.node("mix21").id) is LinkRole.MIX
    assert neighbourhood.role_of(NET.node("mix31").id) is None
    assert neighbourhood.role_of(b"x" * 32) is None
