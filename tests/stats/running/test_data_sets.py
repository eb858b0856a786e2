"""Data sets of surveys with central noise come by themselves, each once."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from loopixmix.errors import MisuseError
from stats.questionnaire.questionnaire import MechanismKind, Mode, PrivacyGoal, Questionnaire, Travel
from stats.questionnaire.questions import AnyQuestion
from tests.worlds.stats_dashboard import AGE, HOME, PLACE, DashboardWorld, dashboard_world, drafted, frozen, spec


@pytest.fixture
def world() -> Iterator[DashboardWorld]:
    yield from dashboard_world()


def central(name: str, *questions: AnyQuestion) -> Questionnaire:
    goal = PrivacyGoal(eps="2", mode=Mode.CENTRAL)
    return frozen(drafted(name, questions, privacy=goal, travel=Travel.SEPARATE))


def test_each_sheet_is_a_data_set_with_its_share_of_the_promise(world: DashboardWorld) -> None:
    survey = world.add(central("clinic", AGE, HOME), 300)
    world.add(frozen(drafted("local", [HOME])), 600)
    found = world.data_sets.all()
    assert sorted(each.name for each in found) == sorted(table.name for table in survey.tables)
    assert {each.left.eps_whole for each in found} == {Decimal(1)}


def test_a_survey_that_comes_later_is_found_by_its_name(world: DashboardWorld) -> None:
    assert world.data_sets.all() == []
    survey = world.add(central("clinic", HOME), 300)
    name = survey.tables[0].name
    answer = world.data_sets.ask(name, f"SELECT count(*) FROM {name}", "ada")
    # The noise of this world adds 3 to everything.
    assert answer.rows[0].values[0].value == 303
    assert len(world.data_sets.spendings(name, 9)) == 1
    assert len(world.data_sets.all()) == 1


def test_a_survey_of_one_mode_gives_no_data_set_of_another(world: DashboardWorld) -> None:
    survey = world.add(frozen(drafted("local", [HOME]), {"home": spec(MechanismKind.KRR, 5, 20)}), 600)
    with pytest.raises(MisuseError):
        world.data_sets.find(survey.tables[0].name)


def test_a_question_of_too_many_values_is_left_out_and_logged_once(
    world: DashboardWorld, caplog: pytest.LogCaptureFixture
) -> None:
    large = type(PLACE)(**{**{name: getattr(PLACE, name) for name in PLACE.__struct_fields__}, "rows": 200})
    world.add(central("map", large))
    for _ in range(3):
        assert world.data_sets.all() == []
    assert len([record for record in caplog.records if "cannot be asked" in record.message]) == 1
