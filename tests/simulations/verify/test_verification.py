"""The short form of the whole verification, its seeds and its command."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.random import Generator

from loopixmix.errors import MisuseError
from simulations.commands.verify import verify as command
from simulations.formulas.entropy import layered_entropy_bits
from simulations.vector.trace import trace
from simulations.verify import departures, entropies, publications, waits
from simulations.verify.rows import LONG, QUICK, Case, Effort, Row, text
from simulations.verify.verification import CASES, FIGURES, cases_named, run_case, verify

PAGE = Path(__file__).parents[3] / "docs" / "published-figures.md"
SHORTER = replace(QUICK, repetitions=16, trials_share=0.05, entropy_error_bits=0.0125)
"""Tolerances follow what is simulated; those of entropies, 0.06 bit, are still 4.8 standard errors (below 2e-6)."""
CHEAP = ("fifo", "n-1", "loopix-eq5")


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return verify(CASES, SHORTER)


def test_every_figure_passes_in_the_short_form(rows: list[Row]) -> None:
    assert [row.check() for row in rows if not row.passed] == []
    assert {row.figure for row in rows} == set(FIGURES)


@pytest.mark.long
def test_every_figure_passes_in_the_long_form() -> None:
    assert [row.check() for row in verify(CASES, LONG, jobs=2) if not row.passed] == []


def test_each_published_value_has_a_row(rows: list[Row]) -> None:
    shown = {figure: [row.published for row in rows if row.figure == figure] for figure in FIGURES}
    assert shown["loopix-fig4"] == [one.bits for one in publications.LOOPIX_FIG_4]
    assert shown["loopix-fig5"] == [one.epsilon for one in publications.LOOPIX_FIG_5]
    assert shown["loopix-fig6"] == [one.epsilon for one in publications.LOOPIX_FIG_6]
    assert shown["mixim-fig7a"] == [one.bits for one in publications.MIXIM_FIG_7A]
    assert shown["mixim-fig5a"] == [one.bits for one in publications.MIXIM_FIG_5A]
    assert shown["capacity"] == [one.bits for one in publications.CAPACITY]
    assert shown["corruption"] == [publications.CORRUPTED_SEEN]
    assert sorted(filter(None, shown["loopix-fig10"])) == [0.87, 0.87, 1.93, 1.93]


def test_names_are_unique_and_every_row_says_why_so_near(rows: list[Row]) -> None:
    assert len({row.name for row in rows}) == len(rows)
    assert all(row.reason and math.isfinite(row.simulated) for row in rows)


def test_where_the_pool_is_25_or_more_the_long_form_allows_three_hundredths_of_a_bit(rows: list[Row]) -> None:
    entropy = [row for row in rows if row.figure in ("loopix-fig4", "mixim-fig7a", "mixim-fig5a", "capacity")]
    for row in entropy:
        pool = float(re.findall(r"pool ([\d.]+)", row.setting)[0])
        assert (row.theory_within is not None) == (pool >= 25)
        assert row.published_within == pytest.approx(QUICK.entropy_bits * (1 if pool >= 25 else 2))


def test_the_page_has_these_rows_with_these_values(rows: list[Row]) -> None:
    found: dict[str, list[str]] = {}
    figure = ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("### `"):
            figure = line.split("`")[1]
        elif figure and line.startswith("| ") and not line.startswith("| setting"):
            setting, *cells = [cell.strip() for cell in line.strip("|").split("|")]
            found[f"{figure} {setting}"] = cells
    quick = {row.name for row in rows}
    # The long form has more settings of waits.
    assert [name for name in found if name in quick or not name.startswith("waits ")] == [row.name for row in rows]
    assert len([name for name in found if name.startswith("waits ")]) == 2 * len(waits.SETTINGS)
    for row in rows:
        publication, theory, simulated, _, unit = found[row.name]
        assert (publication, unit) == (text(row.published), row.unit)
        # Clients tell of messages by what they have measured, which differs from run to run.
        assert theory == text(row.theory) or row.setting.startswith("client: message")
        for value, within in ((row.published, row.published_within), (row.theory, row.theory_within)):
            if value is not None and within is not None:
                assert abs(float(simulated.replace(",", "")) - value) <= within


def test_rows_depend_on_their_name_and_seed_only() -> None:
    cheap = cases_named(CHEAP)
    alone = run_case(cheap[0], QUICK)
    assert alone[0] in verify(cheap[::-1], QUICK)
    assert run_case(cheap[0], QUICK, seed=2) != alone


def test_processes_change_nothing() -> None:
    cheap = cases_named(CHEAP)
    told: list[str] = []
    assert verify(cheap, QUICK, jobs=2, done=lambda case: told.append(case.name)) == verify(cheap, QUICK)
    assert sorted(told) == sorted(case.name for case in cheap)


def test_an_unknown_figure_names_those_there_are() -> None:
    with pytest.raises(MisuseError, match=r'"loopix-fig3".*loopix-fig4'):
        cases_named(["loopix-fig3"])
    result = CliRunner().invoke(command, ["--quick", "--only", "loopix-fig3"])
    assert result.exit_code == 2
    assert "loopix-fig4" in result.output


def test_the_command_prints_one_object_for_programs() -> None:
    result = CliRunner().invoke(command, ["--quick", "--only", "fifo", "--only", "n-1", "--json", "--jobs", "1"])
    assert result.exit_code == 0
    read = json.loads(result.stdout)
    assert read["passed"] is True
    assert set(read) == {"passed", "checks", "figures"}
    assert [check["name"] for check in read["checks"]][:1] == ["fifo lambda_u=0.5mu"]
    assert read["figures"]["verify_rows"] == len(read["checks"]) == 6
    assert read["figures"]["verify_rows_failed"] == 0


def test_the_command_prints_tables_for_people() -> None:
    result = CliRunner().invoke(command, ["--quick", "--only", "corruption", "--jobs", "1"])
    assert result.exit_code == 0
    assert "0.3936" in result.output
    assert "PASS: all 1 rows (quick form" in result.output
    assert max(len(line.rstrip()) for line in result.output.splitlines()) <= 100


def _wrong(effort: Effort, generator: Generator) -> Sequence[Row]:
    return [
        Row("fifo", "wrong", "", simulated=generator.random(), reason="never", theory=5.0, theory_within=1.0),
    ]


def test_what_is_wrong_fails() -> None:
    (row,) = verify([Case("fifo", "wrong", _wrong)], QUICK)
    assert not row.passed


def test_a_wrong_theory_would_be_seen() -> None:
    # The body of Theorem 2 for the appendix; a mean delay for the rate; FIFO without the half; sizes of the short form.
    seen = departures.Observation(10, 4, 3, loop_rate_per_s=2.0)
    for case in (partial(departures.posterior_rows, seen), partial(departures.fifo_rows, 2.0)):
        for row in run_case(Case("fifo", "x", case), QUICK):
            assert row.passed
            assert row.theory_within is not None
            assert row.theory_within < 0.1 * (row.theory or 0)


@pytest.mark.parametrize(("width", "pool"), [(4, 60.0), (10, 100.0), (20, 100.0)])
def test_two_layers_lack_what_the_second_order_says(width: int, pool: float) -> None:
    # Not in the literature: the gap of two layers to the Erlang entropy is width / (2 pool) nats, to a third of it.
    done = trace(
        rate_per_s=pool * width,
        width=width,
        layers=2,
        delay_mean_s=1.0,
        generator=np.random.default_rng(width),
        targets=300,
    )
    gap = layered_entropy_bits(pool * width, 1.0, 2) - float(done.entropies_bits.mean())
    assert gap == pytest.approx(entropies.two_layers_lack_bits(pool, width), rel=0.33)
