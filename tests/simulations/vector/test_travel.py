"""From delays to times."""

from __future__ import annotations

import numpy as np

from simulations.vector.draws import Drawn
from simulations.vector.journeys import Journey, Stop, Where
from simulations.vector.travel import travel

KIND = Journey("there", 1.0, None, (Stop(Where.LAYER, holds=True, layer=1), Stop(Where.ANY_USER, holds=False)))


def test_departure_is_arrival_and_delay() -> None:
    starts, links, delays = np.array([0.0, 1.0]), np.array([0.1, 0.2]), np.array([0.5, 0.25])
    places = (np.zeros(2, dtype=np.int32),) * 2
    found = travel(Drawn(KIND, starts, places, (links, 0.5), (delays, None)))
    assert [times.tolist() for times in found.enters_s] == [[0.1, 1.2], [1.1, 1.95]]
    assert [times.tolist() for times in found.leaves_s] == [[0.6, 1.45], [1.1, 1.95]]


def test_without_a_link_or_a_delay_the_column_is_the_same_array() -> None:
    starts = np.array([0.0, 1.0])
    places = (np.zeros(2, dtype=np.int32),) * 2
    found = travel(Drawn(KIND, starts, places, (0.0, 0.0), (np.array([0.5, 0.5]), None)))
    assert found.enters_s[0] is starts
    assert found.enters_s[1] is found.leaves_s[0] is found.leaves_s[1]
