"""Results as tables."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from loopixmix.errors import MisuseError
from simulations.outcome import PROBABILITIES, Outcome
from simulations.results.tables import (
    as_csv,
    as_parquet,
    checked,
    distributions_table,
    in_order,
    replicates_table,
    summary_table,
)
from tests.worlds.simulations.results_by_hand import result_by_hand

SWEPT = result_by_hand({"mix.delay_mean_s": [0.1, 0.2], "links.area": ["world", "europe"]})


def test_measures_stand_in_the_order_of_the_catalogue_and_attacks_last() -> None:
    assert in_order(["attack.b", "pool_mean", "attack.a", "latency_s", "pool_mean"]) == [
        *("latency_s", "pool_mean", "attack.a", "attack.b")
    ]


def test_every_table_has_a_row_for_each_thing() -> None:
    points, records, theory = SWEPT.points, SWEPT.records, SWEPT.theory
    assert len(replicates_table(points, records)) == 4 * 4 * 3
    assert len(summary_table(points, records, theory)) == 4 * 3
    assert len(distributions_table(points, records, theory)) == 4 * (4 + 1) * 2 * len(PROBABILITIES)


def test_the_same_table_gives_the_same_bytes_and_reads_back() -> None:
    table = summary_table(SWEPT.points, SWEPT.records, SWEPT.theory)
    assert as_csv(table) == as_csv(table)
    assert as_parquet(table) == as_parquet(table)
    pd.testing.assert_frame_equal(
        pd.read_csv(io.BytesIO(as_csv(table))), pd.read_parquet(io.BytesIO(as_parquet(table)))
    )


def test_figures_become_floats_and_unknown_ones_are_refused() -> None:
    assert type(checked(Outcome(engine="toy", figures={"pool_mean": 3})).figures["pool_mean"]) is float
    with pytest.raises(MisuseError, match='no measure is called "happiness"'):
        checked(Outcome(engine="toy", figures={"happiness": 1.0}))
