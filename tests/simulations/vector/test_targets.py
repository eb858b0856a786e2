"""Targets: which packets are followed."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.vector.targets import Targets


@settings(max_examples=50)
@given(count=st.integers(0, 40), stride=st.floats(0.1, 50), pieces=st.lists(st.integers(0, 300), max_size=20))
def test_targets_are_one_of_each_stretch(count: int, stride: float, pieces: list[int]) -> None:
    targets = Targets(count, stride, np.random.default_rng(3))
    whole = Targets(count, stride, np.random.default_rng(3)).among(sum(pieces)).tolist()
    found, seen = [], 0
    for piece in pieces:
        indices = targets.among(piece)
        assert all(0 <= index < piece for index in indices.tolist())
        found += [index + seen for index in indices.tolist()]
        seen += piece
    assert found == whole
    for number, index in enumerate(found):
        assert int(number * max(stride, 1)) <= index < int((number + 1) * max(stride, 1))
