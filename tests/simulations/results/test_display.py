"""Results as a reader sees them."""

from __future__ import annotations

import io
import math
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from loopixmix.errors import MisuseError
from simulations.results.display import (
    HEADLINES,
    OUTSIDE,
    as_object,
    below,
    check_measures,
    headlines,
    rows_of,
    selection_of,
    table_of,
)
from simulations.results.manifest import Note
from simulations.scenario import Scenario, change
from tests.worlds.simulations.results_by_hand import result_by_hand

SWEPT = result_by_hand({"mix.delay_mean_s": [0.1, 0.2]})


def test_rows_stand_by_measure_and_then_by_point() -> None:
    rows = rows_of(SWEPT)
    assert [(row.measure, row.point.number) for row in rows] == [
        (measure, point) for measure in ("latency_mean_s", "entropy_bits", "pool_mean") for point in (0, 1)
    ]
    assert [row.exact is None for row in rows] == [False] * 4 + [True] * 2
    assert [row.measure for row in rows_of(SWEPT, ["pool_mean"])] == ["pool_mean"] * 2


def test_a_sweep_shows_what_is_asked_for_most() -> None:
    assert set(headlines(SWEPT)) <= set(HEADLINES)
    assert headlines(result_by_hand({})) == ()


def test_a_mean_that_is_off_theory_is_marked() -> None:
    [row] = rows_of(result_by_hand({}, replicates=8), ["latency_mean_s"])
    assert row.difference.strip(" *").startswith(("+", "-"))
    assert (OUTSIDE in below(SWEPT, selection_of(SWEPT))) == any(row.difference.endswith("*") for row in rows_of(SWEPT))


def test_one_star_is_explained() -> None:
    result = result_by_hand({})
    result.theory[0].figures.update({"entropy_bits": 1.0, "latency_mean_s": result.estimate("latency_mean_s").mean})
    [star] = [row for row in rows_of(result) if row.difference.endswith("*")]
    assert star.measure == "entropy_bits"
    assert OUTSIDE in below(result, selection_of(result))
    assert "one star in a table says nothing" in OUTSIDE
    result.theory[0].figures["entropy_bits"] = result.estimate("entropy_bits").mean
    assert OUTSIDE not in below(result, selection_of(result))


def test_a_note_says_at_which_points_it_holds() -> None:
    result = result_by_hand({"mix.delay_mean_s": [0.1, 0.2, 0.5], "topology.layers": [2, 3, 4]})
    notes = (
        Note(text="Pools are small.", points=3, numbers=(0, 1, 2)),
        Note(text="Few samples.", points=2, numbers=(4, 8)),
        Note(text="Everywhere.", points=9, numbers=tuple(range(9))),
    )
    result.manifest = msgspec.structs.replace(result.manifest, notes=notes)
    assert list(below(result, selection_of(result)))[-3:] == [
        "Note (at 3 of 9 points: mix.delay_mean_s 0.1): Pools are small.",
        "Note (at 2 of 9 points: mix.delay_mean_s=0.2, topology.layers=3; mix.delay_mean_s=0.5, topology.layers=4): "
        "Few samples.",
        "Note: Everywhere.",
    ]


def test_a_measure_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(MisuseError, match=r'"epsilon" was not measured \(there is: latency_mean_s, entropy_bits'):
        check_measures(SWEPT, ["pool_mean", "epsilon"])


def test_programs_get_plain_values() -> None:
    read = msgspec.json.decode(msgspec.json.encode(as_object(SWEPT)))
    assert read["engine"] == "nodes"
    assert read["points"][1]["values"] == {"mix.delay_mean_s": 0.2}
    assert read["points"][0]["measures"]["pool_mean"]["exact"] is None


MANY = result_by_hand({"mix.delay_mean_s": [number / 10 for number in range(1, 81)]}, replicates=2)


def test_a_long_table_is_shown_in_brief_with_the_least_and_the_greatest_of_each_measure() -> None:
    selection = selection_of(MANY, ["latency_mean_s", "entropy_bits", "pool_mean"])
    assert (selection.brief, selection.figures) == (True, 240)
    shown = [(row.measure, row.point.values["mix.delay_mean_s"]) for row in selection.rows]
    assert shown[:4] == [*(("latency_mean_s", delay_s) for delay_s in (0.1, 8)), ("entropy_bits", 0.1), shown[3]]
    means = [row.found.mean for row in rows_of(MANY, ["pool_mean"])]
    assert [row.found.mean for row in selection.rows[-2:]] == [min(means), max(means)]
    table = table_of(MANY, selection)
    assert [column.header for column in table.columns][:3] == ["Measure", "", "mix.delay_mean_s"]
    assert list(table.columns[1].cells) == ["least", "greatest"] * 3
    first, *_ = below(MANY, selection, folder=Path("out"))
    assert first == (
        "Of each measure only the least and the greatest of 80 points are shown. out/summary.csv has all of them; "
        "--measure NAME shows one at every point"
    )
    outside = [row for row in rows_of(MANY) if row.is_outside]
    assert outside
    assert any(f"in {len(outside)} of 240 figures" in line for line in below(MANY, selection))


def test_what_was_named_is_shown_at_every_point_however_long_that_is() -> None:
    selection = selection_of(MANY, ["latency_mean_s", "entropy_bits", "pool_mean"], brief=False)
    assert (selection.brief, len(selection.rows)) == (False, 240)
    assert not any("least" in line for line in below(MANY, selection))


def test_a_measure_that_is_the_same_everywhere_has_one_row_without_a_point() -> None:
    same = result_by_hand({"links.latency_s": [number / 1000 for number in range(101)]}, replicates=1)
    for record in same.records:
        record.outcome.figures.update({"pool_mean": 5.0, "latency_mean_s": math.nan, "entropy_bits": 1.0})
    selection = selection_of(same, ["latency_mean_s", "entropy_bits", "pool_mean"])
    assert [row.measure for row in selection.rows] == ["latency_mean_s", "entropy_bits", "pool_mean"]
    table = table_of(same, selection)
    assert list(table.columns[1].cells) == ["equal"] * 3
    assert list(table.columns[2].cells) == [""] * 3


def test_a_measure_that_only_some_points_have_is_not_the_same_everywhere() -> None:
    some = result_by_hand({"links.latency_s": [number / 1000 for number in range(201)]}, replicates=1)
    for record in some.records:
        record.outcome.figures.clear()
        if record.point == 7:
            record.outcome.figures["pool_mean"] = 5.0
        record.outcome.figures["entropy_bits"] = 1.0
    selection = selection_of(some, ["entropy_bits", "pool_mean"])
    assert [(row.measure, row.point.number) for row in selection.rows] == [
        ("entropy_bits", 0),
        ("pool_mean", 7),
        ("pool_mean", 7),
    ]
    assert list(table_of(some, selection).columns[1].cells) == ["equal", "least", "greatest"]


def test_text_in_brackets_is_shown_as_it_is() -> None:
    """Rich would take `[0.5]` for a mark of its own and swallow it."""
    scenario = change(Scenario(), {"links.model": "quantiles", "links.quantiles": [(0.5, 0.01), (1, 0.02)]})
    swept = {"links.quantiles": [((0.5, 0.01), (1.0, 0.02)), ((0.5, 0.1), (1.0, 0.2))]}
    result = result_by_hand(swept, scenario=scenario)
    console = Console(width=200, file=io.StringIO())
    console.print(table_of(result, selection_of(result)))
    assert isinstance(console.file, io.StringIO)
    assert "[[0.5, 0.01], [1, 0.02]]" in console.file.getvalue()


def test_a_table_that_is_too_wide_for_a_terminal_has_narrow_heads() -> None:
    result = result_by_hand({"mix.delay_mean_s": [0.1, 0.2]})
    for record in result.records:
        record.outcome.figures.update({"entropy_p05_bits": 6.2, "cost_user_month": 3.44 + 0.001 * record.replicate})
    for outcome in result.theory.values():
        outcome.figures["cost_user_month"] = 3.44
    selection, paper = selection_of(result), Console(width=1000)
    assert paper.measure(table_of(result, selection)).maximum > 80
    narrow = table_of(result, selection, narrow=True)
    assert paper.measure(narrow).maximum <= 80
    assert narrow.columns[1].header == "mix.\ndelay_\nmean_s"
