from __future__ import annotations

import random

import msgspec
import pytest

from client.link.floors import faults, unfit
from loopixmix.directory import Document, Role
from loopixmix.params import NetworkParams
from tests.worlds.networks.models import model_network

USUAL = NetworkParams()


def document(params: NetworkParams = USUAL, **changes: int) -> Document:
    return model_network(random.Random(1), params=params, **changes).document


def test_the_usual_network_reaches_the_floors() -> None:
    assert faults(document()) == []
    assert unfit(USUAL) is None


@pytest.mark.parametrize(
    ("name", "least", "below"),
    [
        ("layers", 3, 2),
        ("delay_mean_s", 0.1, 0.001),
        ("payload_rate_per_s", 0.05, 0.04),
        ("loop_rate_per_s", 0.01, 0.0001),
        ("drop_rate_per_s", 0.01, 0.0001),
        ("node_loop_rate_per_s", 0.1, 0.0001),
    ],
)
def test_each_figure_has_a_floor(name: str, least: float, below: float) -> None:
    assert faults(document(msgspec.structs.replace(USUAL, **{name: least}))) == []
    [fault] = faults(document(msgspec.structs.replace(USUAL, **{name: below})))
    assert fault == f"{name} = {below:g}, at least {least:g}"


def test_mixes_count_that_are_listed() -> None:
    network = document()
    fewer = [node for node in network.nodes if node.layer != 2] + [node for node in network.nodes if node.layer == 2][
        :1
    ]
    lacking = msgspec.structs.replace(network, nodes=tuple(sorted(fewer, key=lambda node: node.id)))
    assert faults(lacking) == ["mixes in layer 2: 1, at least 2"]
    assert len([node for node in lacking.nodes if node.role is Role.MIX]) == 5


def test_several_faults_are_told_together() -> None:
    poor = msgspec.structs.replace(USUAL, layers=1, delay_mean_s=0.001)
    assert len(faults(document(poor, mixes_per_layer=1))) == 3


def test_pulls_that_do_not_suffice_are_told_with_the_figures() -> None:
    told = unfit(msgspec.structs.replace(USUAL, pull_batch=8))
    assert told is not None
    assert "8 items a second" in told
    assert "at least 8.25" in told
