"""Results as values, against a town whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from loopixmix.errors import MisuseError, StoreError
from stats.columns.seams import CellFilter
from stats.dashboard.results import UnknownResultError
from stats.questionnaire.questionnaire import MechanismKind, Mode, Periods, PrivacyGoal, Travel
from tests.worlds.stats_dashboard import (
    AGE,
    HOME,
    PLACE,
    TRANSPORT,
    WEEK_S,
    DashboardWorld,
    drafted,
    frozen,
    spec,
)

ALL = CellFilter()
KINDS = (MechanismKind.KRR, MechanismKind.UNARY, MechanismKind.HADAMARD)


@pytest.mark.parametrize("kind", KINDS)
def test_shares_are_near_the_truth_whatever_the_mechanism(world: DashboardWorld, kind: MechanismKind) -> None:
    # H0: the estimates are right. Five intervals of 99.9 % and one seed: a false alarm in 1 of 200 seeds.
    world.town.weights["home"] = [4, 3, 2, 1, 0]
    survey = world.add(frozen(drafted("a", [HOME]), {"home": spec(kind, 5, 20)}), 4000)
    found = world.results.question(survey, "home", ALL, confidence=0.999)
    assert found.shares.reports == 4000
    for truth, low, high in zip([0.4, 0.3, 0.2, 0.1, 0.0], found.shares.low, found.shares.high, strict=True):
        assert low <= truth <= high
    assert list(found.labels) == list(HOME.options)


def test_options_of_a_multiple_choice_have_a_share_each(world: DashboardWorld) -> None:
    # Everybody takes bicycle and train: value 0b00101.
    world.town.weights["transport"] = [float(value == 0b00101) for value in range(32)]
    survey = world.add(frozen(drafted("a", [TRANSPORT])), 5000)
    found = world.results.question(survey, "transport", ALL)
    assert found.shares.reports == 5000
    assert list(found.shares.possible.round(1)) == [1.0, 0.0, 1.0, 0.0, 0.0]


def test_numbers_have_a_mean_and_quantiles(world: DashboardWorld) -> None:
    world.town.weights["age"] = [0, 0, 1, 0, 0, 0, 0]
    survey = world.add(frozen(drafted("a", [AGE])), 3000)
    summary = world.results.question(survey, "age", ALL).summary
    assert summary is not None
    assert summary.mean.low <= 39.5 <= summary.mean.high
    assert [each.level for each in summary.quantiles] == [0.1, 0.25, 0.5, 0.75, 0.9]


def test_before_the_first_batch_there_is_nothing_and_no_error(world: DashboardWorld) -> None:
    survey = world.add(frozen(drafted("a", [HOME, AGE, TRANSPORT])))
    for name in ("home", "age", "transport"):
        found = world.results.question(survey, name, ALL)
        assert found.shares.reports == 0
        assert found.summary is None
        assert world.results.series(survey, name).periods == ()
    assert world.results.cross(survey, "home", "age", ALL).cells.reports == 0


def test_a_filter_of_periods_counts_only_their_reports(world: DashboardWorld) -> None:
    unary = {"home": spec(MechanismKind.UNARY, 5, 20)}
    draft = drafted("a", [HOME, AGE], periods=Periods(length_s=WEEK_S, count=3))
    survey = world.add(frozen(draft, unary))
    for period, people in enumerate((100, 200, 400)):
        world.town.answer(survey, people, period=period, batch=period)
    where = CellFilter(periods=(1, 3))
    assert world.results.question(survey, "age", where).shares.reports == 600
    assert world.results.question(survey, "home", where).shares.reports == 600
    assert world.results.cross(survey, "home", "age", where).cells.reports == 600


def test_reports_that_come_again_in_each_period_make_no_interval_narrower(world: DashboardWorld) -> None:
    # The same people send the same permanent responses in four periods: that tells no more than one period does.
    draft = drafted("a", [HOME, AGE], periods=Periods(length_s=WEEK_S, count=4))
    survey = world.add(frozen(draft))
    table = survey.tables[0]
    world.town.answer(survey, 1000, period=0, batch=0)
    _, rows = world.columns.select(f"SELECT home, age FROM {table.name}", tables=[table.name], most_rows=1000)
    again = [np.array(column, np.uint64) for column in zip(*rows, strict=True)]
    for period in range(1, 4):
        world.columns.append(table, period, period, again)
    filters = CellFilter(periods=(0, 1)), ALL
    one, four = (world.results.question(survey, "age", where) for where in filters)
    assert (one.shares.reports, four.shares.reports) == (1000, 4000)
    assert four.shares.low == pytest.approx(one.shares.low)
    assert four.shares.high == pytest.approx(one.shares.high)
    crossed, crossed_four = (world.results.cross(survey, "home", "age", where).cells for where in filters)
    assert crossed_four.low == pytest.approx(crossed.low)
    assert one.summary is not None
    assert four.summary is not None
    assert four.summary.mean.low == pytest.approx(one.summary.mean.low)


def test_a_series_finds_the_period_in_which_a_share_changed(world: DashboardWorld) -> None:
    for kind in (MechanismKind.KRR, MechanismKind.UNARY):
        draft = drafted(f"s_{kind.value}", [HOME], periods=Periods(length_s=WEEK_S, count=5))
        survey = world.add(frozen(draft, {"home": spec(kind, 5, 20)}))
        for period in range(4):
            world.town.weights["home"] = [1, 1, 1, 1, 1] if period < 2 else [6, 1, 1, 1, 1]
            world.town.answer(survey, 1500, period=period, batch=period)
        found = world.results.series(survey, "home")
        assert [each.shares.reports for each in found.periods] == [1500] * 4
        assert found.periods[1].begins_s - found.periods[0].begins_s == WEEK_S
        assert (2, 0) in {(alarm.place, alarm.value) for alarm in found.alarms}
        assert (2, 0) in {(change.place, change.value) for change in found.changes}


def test_two_questions_are_crossed_if_they_travelled_together(world: DashboardWorld) -> None:
    together = world.add(frozen(drafted("a", [HOME, AGE])), 3000)
    cells = world.results.cross(together, "home", "age", ALL).cells
    assert cells.raw.shape == (5, 7)
    assert abs(cells.possible.sum() - 1) < 1e-9
    apart = world.add(frozen(drafted("b", [HOME, AGE], travel=Travel.SEPARATE)), 600)
    with pytest.raises(MisuseError, match="home and age travel in separate reports"):
        world.results.cross(apart, "home", "age", ALL)
    with pytest.raises(MisuseError, match="a cross table is of two questions"):
        world.results.cross(together, "home", "home", ALL)


def test_what_is_not_there_is_told(world: DashboardWorld) -> None:
    survey = world.add(frozen(drafted("a", [HOME])))
    assert world.results.find(survey.short_id) == world.results.find(survey.survey_id.hex()) == survey
    for work in (
        lambda: world.results.find("0" * 16),
        lambda: world.results.find(survey.survey_id.hex()[:40]),
        lambda: world.results.question(survey, "age", ALL),
        lambda: world.results.cross(survey, "home", "batch", ALL),
    ):
        with pytest.raises(UnknownResultError):
            work()


def test_progress_tells_batches_and_what_was_discarded(world: DashboardWorld) -> None:
    survey = world.add(frozen(drafted("a", [HOME, PLACE], travel=Travel.SEPARATE)), 700)
    world.town.answer(survey, 500, batch=1)
    world.view.lost[survey.survey_id] = {(1, 0): 40, (1, 1): 2}
    home, place = world.results.progress(survey)
    assert (home.released, [batch.reports for batch in home.batches], home.discarded) == (1200, [700, 500], 0)
    assert (place.questions, place.discarded) == (("place",), 42)


def test_of_true_answers_not_even_the_number_is_told(world: DashboardWorld) -> None:
    central = world.add(frozen(drafted("a", [HOME], privacy=PrivacyGoal(eps="1", mode=Mode.CENTRAL))), 600)
    world.view.lost[central.survey_id] = {(0, 0): 40}
    [sheet] = world.results.progress(central)
    assert (sheet.released, sheet.discarded) == (0, 0)


def test_a_query_reads_the_tables_of_its_survey_and_nothing_else(world: DashboardWorld) -> None:
    survey = world.add(frozen(drafted("a", [HOME])), 600)
    other = world.add(frozen(drafted("b", [HOME])), 600)
    own, foreign = survey.tables[0].name, other.tables[0].name
    columns, rows = world.results.select(survey, f"SELECT count(*) AS n FROM {own}")
    assert (columns, rows) == (["n"], [(600,)])
    for sql in (f"SELECT * FROM {foreign}", f"SELECT * FROM {own} JOIN {foreign} USING (home)", f"DROP TABLE {own}"):
        with pytest.raises(StoreError):
            world.results.select(survey, sql)


def test_true_answers_are_reached_by_no_query_and_no_export(world: DashboardWorld) -> None:
    central = world.add(frozen(drafted("a", [HOME], privacy=PrivacyGoal(eps="1", mode=Mode.CENTRAL))), 600)
    with pytest.raises(MisuseError, match="true answers"):
        world.results.select(central, f"SELECT * FROM {central.tables[0].name}")
    with pytest.raises(MisuseError, match="true answers"):
        world.results.reports(central, 0, ALL)
    for name in ("question", "series"):
        with pytest.raises(MisuseError, match="true answers"):
            getattr(world.results, name)(central, "home", *([ALL] if name == "question" else []))
