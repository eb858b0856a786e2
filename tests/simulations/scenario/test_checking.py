"""Remarks about a scenario that can be run."""

from __future__ import annotations

import pytest

from simulations import Scenario, change
from simulations.scenario.checking import remarks


@pytest.mark.parametrize(("share", "is_said"), [(0.05, True), (0.3, True), (1 / 3, False), (0.0, False), (1.0, False)])
def test_a_share_of_mixes_that_is_rounded_is_said(share: float, is_said: bool) -> None:
    said = remarks(change(Scenario(), {"corruption.share": share}))
    assert any("the nearest is taken" in remark for remark in said) == is_said
