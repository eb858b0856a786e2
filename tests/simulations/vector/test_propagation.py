"""Entropy by propagation, native and in Python, against an oracle that follows one packet at a time.

The oracle knows no masses: it follows every way that the target may have gone, and adds up the probabilities of ending
as each of the packets that an observer saw.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import log2
from typing import Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loopixmix.errors import MisuseError
from loopixmix.observing.anonymity import LiveEntropy
from simulations.vector import recursion
from simulations.vector.propagation import HAS_NATIVE, Propagation, propagation
from simulations.vector.recursion import NOWHERE, FloatArray, IntArray

Implementation = Literal["native", "python"]
IMPLEMENTATIONS: list[Implementation] = ["python", "native"] if HAS_NATIVE else ["python"]
WHENEVER = 1e9


@dataclass(frozen=True)
class Network:
    """Packets and their visits, as columns: node, beginning and end of each visit of each packet."""

    nodes: list[IntArray]
    enters_s: list[FloatArray]
    leaves_s: list[FloatArray]
    corrupt: list[bool]

    @property
    def packets(self) -> int:
        return len(self.nodes[0])


def network(
    seed: int, *, packets: int, layers: int, width: int, link_s: float = 0.0, corrupt: float = 0.0, loss: float = 0.0
) -> Network:
    """Draw a network; `corrupt` and `loss`: probabilities for each node and each link between nodes."""
    rng = np.random.default_rng(seed)
    at_s = np.cumsum(rng.exponential(0.3, packets))
    alive = np.ones(packets, dtype=np.bool_)
    nodes: list[IntArray] = []
    enters_s, leaves_s = [], []
    for layer in range(layers):
        places = rng.integers(layer * width, (layer + 1) * width, packets).astype(np.int32)
        nodes.append(np.where(alive, places, np.int32(NOWHERE)))
        enters_s.append(at_s)
        leaves_s.append(at_s + rng.exponential(1.0, packets))
        at_s = leaves_s[-1] + link_s if link_s else leaves_s[-1]
        alive = alive & (rng.random(packets) >= loss)
    return Network(nodes, enters_s, leaves_s, (rng.random(layers * width) < corrupt).tolist())


def oracle_bits(net: Network, target: int) -> float:
    """Return the entropy of where the target went, for one who sees all times and links and runs the corrupt nodes."""
    events = []  # departures before arrivals of the same moment
    for packet in range(net.packets):
        for visit, column in enumerate(net.nodes):
            if column[packet] != NOWHERE:
                events.append((net.enters_s[visit][packet], 1, packet, visit))
                events.append((net.leaves_s[visit][packet], 0, packet, visit))
    events.sort()
    ends: dict[int, float] = {}
    _follow(net, events, 0, Counter(), ("on wire", target), 1.0, ends)
    assert sum(ends.values()) == pytest.approx(1.0)
    return -sum(share * log2(share) for share in ends.values() if share)


def _follow(
    net: Network,
    events: list[tuple[float, int, int, int]],
    index: int,
    held: Counter[int],
    where: tuple[str, int],
    probability: float,
    ends: dict[int, float],
) -> None:
    """Go on from an event, with the target held by a node (anywhere in it) or being what was seen as a packet."""
    held = held.copy()
    for number in range(index, len(events)):
        _, arrives, packet, visit = events[number]
        node = int(net.nodes[visit][packet])
        if arrives:
            held[node] += 1
            if where == ("on wire", packet) and not net.corrupt[node]:
                where = ("in node", node)
            continue
        goes = 1 / held[node] if where == ("in node", node) else float(where == ("on wire", packet))
        held[node] -= 1
        if not goes:
            continue
        if goes < 1:
            _follow(net, events, number + 1, held, where, probability * (1 - goes), ends)
            probability *= goes
        where = ("on wire", packet)
        is_last = visit + 1 == len(net.nodes) or net.nodes[visit + 1][packet] == NOWHERE
        if is_last:
            ends[packet] = ends.get(packet, 0.0) + probability
            return


def settled(
    net: Network, targets: list[int], implementation: Implementation, *, piece: int = 10**9, events_per_s: float = 1e3
) -> tuple[FloatArray, FloatArray]:
    """Return entropies and live entropies, with packets pushed `piece` at a time."""
    followed = propagation(
        net.corrupt,
        live_from_s=-WHENEVER,
        live_until_s=WHENEVER,
        events_per_s=events_per_s,
        implementation=implementation,
    )
    for begin in range(0, net.packets, piece):
        part = slice(begin, min(begin + piece, net.packets))
        push(followed, net, part, [target - begin for target in targets if part.start <= target < part.stop])
        followed.advance(float(net.enters_s[0][part.stop - 1]))
    return followed.finish(), followed.live_bits


def push(followed: Propagation, net: Network, part: slice, targets: list[int]) -> None:
    # Columns that are one array stay one: where links take no time, the native implementation takes a shorter way.
    enters_s = [net.enters_s[0][part]]
    leaves_s = [column[part] for column in net.leaves_s]
    for visit in range(1, len(net.nodes)):
        is_same = net.enters_s[visit] is net.leaves_s[visit - 1]
        enters_s.append(leaves_s[visit - 1] if is_same else net.enters_s[visit][part])
    followed.push([column[part] for column in net.nodes], enters_s, leaves_s, np.array(targets, dtype=np.int32))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    packets=st.integers(1, 7),
    layers=st.integers(1, 3),
    width=st.integers(1, 2),
    link_s=st.sampled_from([0.0, 0.05, 2.0]),
    corrupt=st.sampled_from([0.0, 0.3, 1.0]),
    loss=st.sampled_from([0.0, 0.3]),
)
@example(seed=1, packets=7, layers=3, width=1, link_s=0.0, corrupt=0.0, loss=0.0)
@example(seed=1, packets=7, layers=3, width=1, link_s=0.05, corrupt=0.0, loss=0.0)
def test_entropies_are_those_of_all_ways_that_the_target_may_have_gone(
    seed: int, packets: int, layers: int, width: int, link_s: float, corrupt: float, loss: float
) -> None:
    net = network(seed, packets=packets, layers=layers, width=width, link_s=link_s, corrupt=corrupt, loss=loss)
    expected = [oracle_bits(net, target) for target in range(packets)]
    for implementation in IMPLEMENTATIONS:
        found, _ = settled(net, list(range(packets)), implementation)
        assert found == pytest.approx(expected, abs=1e-9)


LARGER = {
    "no links": network(3, packets=3000, layers=3, width=2),
    "links": network(4, packets=3000, layers=3, width=2, link_s=0.1),
    "corrupt nodes, losses": network(5, packets=3000, layers=4, width=3, link_s=0.1, corrupt=0.4, loss=0.1),
}
TARGETS = list(range(100, 2500, 170))


@pytest.mark.skipif(not HAS_NATIVE, reason="there is no native implementation")
@pytest.mark.parametrize("name", LARGER)
def test_the_native_implementation_and_python_give_the_same(name: str) -> None:
    net = LARGER[name]
    bits, live = settled(net, TARGETS, "python")
    native_bits, native_live = settled(net, TARGETS, "native")
    assert bits.max() > 3
    assert native_bits == pytest.approx(bits, abs=1e-9)
    assert native_live == pytest.approx(live, abs=1e-9)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("name", LARGER)
def test_nothing_depends_on_how_packets_are_cut_into_pieces(implementation: Implementation, name: str) -> None:
    net = LARGER[name]
    whole = settled(net, TARGETS, implementation)
    for piece, events_per_s in ((1, 1.0), (977, 1e9)):
        pieces = settled(net, TARGETS, implementation, piece=piece, events_per_s=events_per_s)
        np.testing.assert_array_equal(pieces[0], whole[0])
        np.testing.assert_array_equal(pieces[1], whole[1])


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_live_entropy_is_what_the_deployed_mix_measures(implementation: Implementation) -> None:
    net = network(6, packets=500, layers=1, width=1)
    events = [(at_s, True) for at_s in net.enters_s[0]] + [(at_s, False) for at_s in net.leaves_s[0]]
    deployed, measured = LiveEntropy(), []
    for _, arrives in sorted(events):
        if arrives:
            deployed.arrived()
        else:
            deployed.departed()
            measured.append(deployed.bits)
    _, live = settled(net, [], implementation)
    assert live == pytest.approx([sum(measured) / len(measured)], abs=1e-9)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_live_entropy_is_averaged_over_departures_of_its_window_only(implementation: Implementation) -> None:
    followed = propagation(
        [False, False], live_from_s=3.0, live_until_s=4.0, events_per_s=1.0, implementation=implementation
    )
    nodes, came_s = [np.zeros(4, dtype=np.int32)], [np.array([0.0, 1.0, 2.0, 2.5])]
    followed.push(nodes, came_s, [np.array([2.9, 3.0, 4.0, 5.0])], np.empty(0, dtype=np.int32))
    followed.finish()
    # At 2.9 s one of four left: 2 bits; at 3 s one of the three old ones: nothing was learnt since.
    assert followed.live_bits[0] == pytest.approx(2.0)
    assert np.isnan(followed.live_bits[1])


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("order", [1, -1])
def test_a_departure_comes_before_an_arrival_of_the_same_moment(implementation: Implementation, order: int) -> None:
    """The second packet comes when the first one leaves: they never meet, in whatever order they are pushed."""
    net = Network(
        [np.zeros(2, dtype=np.int32)],
        [np.array([1.0, 2.0])[::order].copy()],
        [np.array([2.0, 3.0])[::order].copy()],
        [False],
    )
    bits = _at_once(net, [0, 1], implementation)
    assert bits == pytest.approx([0.0, 0.0], abs=1e-12)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_packets_that_pass_on_at_the_same_moment_do_not_meet_in_the_second_layer(
    implementation: Implementation,
) -> None:
    """The trap of zero links: the first leaves node 1 at the very moment when the second comes there from node 0."""
    first_s, second_s = np.array([0.0, 1.5]), np.array([1.0, 2.0])
    net = Network(
        [np.zeros(2, dtype=np.int32), np.ones(2, dtype=np.int32)],
        [first_s, second_s],
        [second_s, np.array([2.0, 3.0])],
        [False, False],
    )
    assert _at_once(net, [0, 1], implementation) == pytest.approx([0.0, 0.0], abs=1e-12)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_all_at_the_same_moment_makes_a_set_of_all(implementation: Implementation) -> None:
    count = 64
    net = Network([np.zeros(count, dtype=np.int32)], [np.ones(count)], [np.full(count, 2.0)], [False])
    assert _at_once(net, [0, 63], implementation) == pytest.approx([6.0, 6.0], abs=1e-12)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_a_stay_of_no_time_is_one_still(implementation: Implementation) -> None:
    net = Network([np.zeros(1, dtype=np.int32)], [np.array([0.0])], [np.array([0.0])], [False])
    assert _at_once(net, [0], implementation) == pytest.approx([0.0], abs=1e-12)


def _at_once(net: Network, targets: list[int], implementation: Implementation) -> FloatArray:
    followed = propagation(
        net.corrupt, live_from_s=0.0, live_until_s=1.0, events_per_s=1.0, implementation=implementation
    )
    push(followed, net, slice(0, net.packets), targets)
    return followed.finish()


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_targets_are_active_until_all_of_their_mass_has_arrived(implementation: Implementation) -> None:
    """Also those that are still to come; but not those that were lost before their first node."""
    followed = propagation([False], live_from_s=0.0, live_until_s=1.0, events_per_s=1e-3, implementation=implementation)
    nodes = [np.array([0, NOWHERE], dtype=np.int32)]
    followed.push(nodes, [np.array([1.0, 1.0])], [np.array([2.0, 2.0])], np.array([0, 1], dtype=np.int32))
    assert followed.active == 1
    assert followed.finish().tolist() == [0.0, 0.0]
    assert followed.active == 0


ONE = [np.zeros(1, dtype=np.int32)]
TIME = [np.array([5.0])]
NOBODY = np.empty(0, dtype=np.int32)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(
    ("nodes", "enters_s", "leaves_s", "targets"),
    [
        ([], [], [], NOBODY),
        (ONE, TIME, [], NOBODY),
        (ONE, TIME, [np.array([5.0, 6.0])], NOBODY),
        ([np.array([1], dtype=np.int32)], TIME, TIME, NOBODY),
        ([np.array([-2], dtype=np.int32)], TIME, TIME, NOBODY),
        (ONE, [np.array([np.nan])], TIME, NOBODY),
        (ONE, TIME, [np.array([np.inf])], NOBODY),
        (ONE, [np.array([3.9])], TIME, NOBODY),
        (ONE, TIME, TIME, np.array([1], dtype=np.int32)),
        (ONE, TIME, TIME, np.array([-1], dtype=np.int32)),
        (ONE, TIME, TIME, np.array([0, 0], dtype=np.int32)),
    ],
)
def test_what_does_not_fit_is_refused(
    implementation: Implementation,
    nodes: list[IntArray],
    enters_s: list[FloatArray],
    leaves_s: list[FloatArray],
    targets: IntArray,
) -> None:
    followed = propagation([False], live_from_s=0.0, live_until_s=1.0, events_per_s=1.0, implementation=implementation)
    followed.advance(4.0)
    with pytest.raises(MisuseError):
        followed.push(nodes, enters_s, leaves_s, targets)


def test_an_engine_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulations.vector.propagation.HAS_NATIVE", False)
    with pytest.raises(MisuseError, match="native"):
        propagation([False], live_from_s=0.0, live_until_s=1.0, events_per_s=1.0, implementation="native")
    stand_in = propagation([False], live_from_s=0.0, live_until_s=1.0, events_per_s=1.0)
    assert isinstance(stand_in, recursion.Propagation)
