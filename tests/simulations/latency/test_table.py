"""Latencies from a table of sites."""

from __future__ import annotations

import random

import numpy as np
import pytest

from simulations.latency.places import Places
from simulations.latency.table import TableLatency
from simulations.scenario.values import Topology

TABLE_S = np.array([[0.001, 0.1], [0.2, 0.002]])


def table(*, providers: int = 1, last_mile_s: float = 0.0) -> TableLatency:
    """Provider and mix at the sites 0 and 1, two users at 1 and 0."""
    places = Places(Topology(layers=1, mixes_per_layer=1, providers=providers))
    nodes = np.array([0, 1][: places.nodes])
    return TableLatency(TABLE_S, places=places, node_sites=nodes, user_sites=np.array([1, 0]), last_mile_s=last_mile_s)


def test_one_and_many_are_the_same_with_a_last_mile_for_each_user() -> None:
    model, rng = table(last_mile_s=0.5), random.Random(1)
    pairs = [(0, 1), (1, 0), (2, 0), (0, 3), (3, 2)]
    one = [model.draw_s(sender, receiver, rng) for sender, receiver in pairs]
    senders, receivers = (np.array(each) for each in zip(*pairs, strict=True))
    assert one == pytest.approx([0.1, 0.2, 0.7, 0.501, 1.1])
    assert model.draw_many_s(senders, receivers, np.random.default_rng(1)).tolist() == pytest.approx(one)


def test_users_beyond_those_drawn_stand_where_others_do() -> None:
    model = table()
    assert model.draw_s(4, 0, random.Random(1)) == model.draw_s(2, 0, random.Random(1))
    beyond = model.draw_many_s(np.array([4, 5]), np.array([0, 0]), np.random.default_rng(1))
    assert beyond.tolist() == [0.2, 0.001]
