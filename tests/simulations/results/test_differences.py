"""What differs between a run that is kept and one that is to go on."""

from __future__ import annotations

import msgspec
import pytest

from simulations.results.differences import differences
from simulations.results.manifest import Manifest
from simulations.scenario import change
from tests.worlds.simulations.results_by_hand import result_by_hand

KEPT = result_by_hand({"mix.delay_mean_s": [0.1, 0.2]}).manifest


def wanted(**changes: object) -> Manifest:
    return msgspec.structs.replace(KEPT, **changes)


def test_the_same_run_has_no_differences_whatever_the_number_of_replicates() -> None:
    assert list(differences(KEPT, KEPT)) == []
    for replicates in (KEPT.replicates - 1, KEPT.replicates + 1):
        assert list(differences(KEPT, wanted(replicates=replicates))) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (wanted(engine="vector"), "the engine was nodes, is vector"),
        (wanted(scenario=change(KEPT.scenario, {"seeds.root": 7})), "seeds.root was 1, is 7"),
        (wanted(sweep=()), "the sweep of mix.delay_mean_s was 0.1, 0.2, is absent"),
        (wanted(versions={"numpy": "2.3"}), "the version of numpy was none, is 2.3"),
        (wanted(inputs={"a.csv": "0123456789abcdef"}), "the content of a.csv was absent, is 0123456789ab"),
    ],
)
def test_each_difference_is_said(changed: Manifest, expected: str) -> None:
    assert list(differences(KEPT, changed)) == [expected]
