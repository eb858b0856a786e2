"""Distances against known ones; places by their weights; a million users without a large table."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.latency import Places, make_latency
from simulations.latency.geography import great_circle_km, latencies_s, towns_of
from simulations.latency.table import MAX_USER_SITES, TableLatency
from simulations.latency.towns import TOWNS
from simulations.scenario.values import Links, Scenario, SeedChoice, Topology, Users
from simulations.seeds import Seeds

SEEDS = Seeds(SeedChoice(root=5), replicate=0)


def geographic(*, users: int = 1000, providers: int = 4, **links: object) -> Scenario:
    return Scenario(
        topology=Topology(layers=3, mixes_per_layer=4, providers=providers),
        users=Users(count=users),
        links=Links(model="geographic", **links),
    )


def test_great_circles_that_are_known() -> None:
    # A quarter of a great circle, half of it, none; and Paris to New York, 5,837 km between the usual coordinates.
    quarter_km = np.pi * 6371 / 2
    assert great_circle_km(0, 0, 90, 17) == pytest.approx(quarter_km)
    assert great_circle_km(10, 20, -10, -160) == pytest.approx(2 * quarter_km)
    assert great_circle_km(48.86, 2.35, 48.86, 2.35) == 0
    assert great_circle_km(48.86, 2.35, 40.71, -74.01) == pytest.approx(5837, abs=5)


latitude, longitude = st.floats(-90, 90), st.floats(-180, 180)


@given(latitude, longitude, latitude, longitude)
def test_great_circles_by_the_law_of_cosines(north: float, east: float, other_north: float, other_east: float) -> None:
    points = np.radians([(north, east), (other_north, other_east)])
    xyz = [(np.cos(n) * np.cos(e), np.cos(n) * np.sin(e), np.sin(n)) for n, e in points]
    angle = np.arctan2(np.linalg.norm(np.cross(*xyz)), np.dot(*xyz))
    assert great_circle_km(north, east, other_north, other_east) == pytest.approx(6371 * angle, abs=1e-3)


def test_light_takes_its_time() -> None:
    towns = towns_of("world")
    names = [town.name for town in towns]
    table_s = latencies_s(towns)
    sydney, london = names.index("Sydney"), names.index("London")
    assert table_s[sydney, london] == pytest.approx(16_990 * 1.5 * 5e-6, rel=0.01)  # great circle 16,990 km
    assert (table_s == table_s.T).all()
    assert table_s.min() == pytest.approx(30 * 1.5 * 5e-6)


def test_towns_are_drawn_by_their_weights() -> None:
    """H0: users stand at towns by weight; n = 100,000; chi-square; false alarm 1e-6."""
    from scipy import stats

    scenario = geographic(users=100_000)
    model = make_latency(scenario, SEEDS)
    assert isinstance(model, TableLatency)
    counts = np.bincount(model._user_sites, minlength=len(TOWNS))
    weights = np.array([town.users for town in TOWNS])
    assert stats.chisquare(counts, weights / weights.sum() * 100_000).pvalue > 1e-6


def test_one_and_many_agree_on_each_link_of_a_path() -> None:
    scenario = geographic()
    model, places = make_latency(scenario, SEEDS), Places(scenario.topology)
    generator, rng = np.random.default_rng(3), Random(1)
    packets = 20
    hops = [places.first_user + generator.integers(1000, size=packets), generator.integers(4, size=packets)]
    hops += [places.first_mix(layer) + generator.integers(4, size=packets) for layer in (1, 2, 3)]
    hops += [generator.integers(4, size=packets)]
    for sender, receiver in pairwise(hops):
        drawn = model.draw_many_s(sender, receiver, generator)
        assert drawn.tolist() == [model.draw_s(int(a), int(b), rng) for a, b in zip(sender, receiver, strict=True)]


def test_the_last_mile_is_a_users() -> None:
    scenario = geographic(last_mile_s=0.5)
    bare = geographic(last_mile_s=0.0)
    places = Places(scenario.topology)
    for sender, receiver, miles in (
        (0, 5, 0),
        (places.user(7), 0, 1),
        (3, places.user(2), 1),
        (places.user(7), places.user(2), 2),
    ):
        with_miles = make_latency(scenario, SEEDS).draw_s(sender, receiver, Random(1))
        assert with_miles - make_latency(bare, SEEDS).draw_s(sender, receiver, Random(1)) == pytest.approx(0.5 * miles)


def test_areas_are_smaller_than_the_world() -> None:
    scenarios = (geographic(area=area) for area in ("world", "europe"))
    users, providers = Places(geographic().topology).first_user + np.arange(1000), np.arange(1000) % 4
    generator = np.random.default_rng(1)
    world, europe = (
        make_latency(scenario, SEEDS).draw_many_s(users, providers, generator).mean() for scenario in scenarios
    )
    assert europe < 0.4 * world


def test_places_repeat_with_their_seeds() -> None:
    def nodes_and_users(choice: SeedChoice) -> tuple[list[int], list[int]]:
        model = make_latency(geographic(), Seeds(choice, replicate=0))
        assert isinstance(model, TableLatency)
        return model._node_sites.tolist(), model._user_sites.tolist()

    same = nodes_and_users(SeedChoice(root=5))
    assert nodes_and_users(SeedChoice(root=5, links=9, traffic=3)) == same
    other_nodes = nodes_and_users(SeedChoice(root=5, topology=9))
    assert other_nodes[0] != same[0]
    assert other_nodes[1] == same[1]


def test_a_million_users_stay_small() -> None:
    tracemalloc.start()
    scenario = geographic(users=3_000_000)
    model, places = make_latency(scenario, SEEDS), Places(scenario.topology)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 50_000_000
    beyond = np.array([places.user(7), places.user(MAX_USER_SITES + 7)])
    first, second = model.draw_many_s(beyond, np.zeros(2, dtype=np.int64), np.random.default_rng(1))
    assert first == second == model.draw_s(int(beyond[1]), 0, Random(1))
