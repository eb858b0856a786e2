"""The numbers of nodes and users."""

from __future__ import annotations

import pytest

from loopixmix.errors import MisuseError
from simulations.latency.places import Places
from simulations.scenario.values import Topology

PLACES = Places(Topology(layers=3, mixes_per_layer=4, providers=2))


def test_providers_come_first_then_layers_then_users() -> None:
    assert [PLACES.provider(0), PLACES.provider(1)] == [0, 1]
    assert [PLACES.mix(1, 0), PLACES.mix(1, 3), PLACES.mix(3, 3)] == [2, 5, 13]
    assert (PLACES.nodes, PLACES.first_user, PLACES.user(7)) == (14, 14, 21)


@pytest.mark.parametrize(
    ("kind", "numbers"), [("provider", (2,)), ("mix", (0, 0)), ("mix", (4, 0)), ("mix", (1, 4)), ("user", (-1,))]
)
def test_a_place_that_is_not_there_is_refused(kind: str, numbers: tuple[int, ...]) -> None:
    with pytest.raises(MisuseError, match="there is no"):
        getattr(PLACES, kind)(*numbers)
