"""What an answer gives away, from the batches that were released."""

from __future__ import annotations

import math

import pytest

from stats.account.shuffling import Company, amplified
from stats.dashboard.privacy import survey_privacy
from stats.dashboard.wording import loss_in_words
from stats.questionnaire.questionnaire import MechanismKind, Mode, Periods, PersonKind, Persons, PrivacyGoal, Travel
from tests.worlds.stats_dashboard import AGE, HOME, WEEK_S, DashboardWorld, drafted, frozen, show, spec


def test_the_smallest_batch_without_its_sybils_is_the_company(world: DashboardWorld) -> None:
    survey = world.add(frozen(drafted("a", [HOME]), {"home": spec(MechanismKind.KRR, 5, 20)}), 1000)
    world.town.answer(survey, 3000, batch=1)
    found = survey_privacy(survey, world.results.progress(survey))
    [sheet] = found.sheets
    assert (sheet.smallest_batch, sheet.honest) == (1000, 950)
    assert sheet.loss == amplified(sheet.eps0, Company(950, 1e-6), 5)
    assert sheet.eps0 == pytest.approx(math.log(20))
    assert found.eps == sheet.loss.best
    assert found.eps < found.eps0
    assert (found.delta, found.sybil_share, found.promised_eps) == (1e-6, 0.05, 1.0)


def test_losses_of_sheets_add_up_and_their_deltas_too(world: DashboardWorld) -> None:
    survey = world.add(frozen(drafted("a", [HOME, AGE], travel=Travel.SEPARATE)), 1000)
    found = survey_privacy(survey, world.results.progress(survey))
    assert found.eps0 == pytest.approx(2 * math.log(20))
    assert [each.loss for each in found.sheets] == [
        amplified(sheet.eps0, Company(950, 5e-7), domain) for sheet, domain in zip(found.sheets, (5, 7), strict=True)
    ]
    assert found.eps == math.fsum(each.loss.best for each in found.sheets if each.loss)


def test_over_all_periods_eps0_is_told(world: DashboardWorld) -> None:
    # The same permanent response in company that is not the same may stand out: no amplified loss holds for that.
    survey = world.add(frozen(drafted("a", [HOME], periods=Periods(length_s=WEEK_S, count=4))), 1000)
    found = survey_privacy(survey, world.results.progress(survey))
    assert found.eps is not None
    assert found.eps < found.all_periods.eps == found.eps0
    told = show(world, "survey", survey.short_id)
    assert "Over all 4 periods together" in told
    assert f"gives away at most eps {loss_in_words(found.eps0)}" in told


def test_before_each_sheet_had_a_batch_nothing_better_than_eps0_is_told(world: DashboardWorld) -> None:
    survey = world.add(frozen(drafted("a", [HOME, AGE], travel=Travel.SEPARATE)))
    found = survey_privacy(survey, world.results.progress(survey))
    assert found.eps is None
    assert [each.loss for each in found.sheets] == [None, None]


def test_of_an_open_survey_only_eps0_is_certain(world: DashboardWorld) -> None:
    open_to_all = Persons(kind=PersonKind.OPEN, issuer="beta")
    survey = world.add(frozen(drafted("a", [HOME], persons=open_to_all)), 1000)
    found = survey_privacy(survey, world.results.progress(survey))
    assert found.eps is None
    assert found.sheets[0].smallest_batch == 1000
    told = show(world, "survey", survey.short_id)
    assert "No smaller figure is certain" in told
    assert "So only eps0 is certain." in told
    assert "told after the first batch" not in told


def test_true_answers_have_no_bound_of_their_own(world: DashboardWorld) -> None:
    survey = world.add(frozen(drafted("a", [HOME], privacy=PrivacyGoal(eps="1", mode=Mode.CENTRAL))), 600)
    found = survey_privacy(survey, world.results.progress(survey))
    assert math.isinf(found.eps0)
    assert found.eps is None
