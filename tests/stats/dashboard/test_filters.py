"""Which periods an address asks for."""

from __future__ import annotations

import pytest

from loopixmix.errors import MisuseError
from loopixmix.web.forms.bodies import BadFormError, FormBody
from loopixmix.web.showing.markup import element, render
from stats.columns.seams import CellFilter
from stats.dashboard.filters import filter_form, period_filter
from stats.questionnaire.questionnaire import Periods
from tests.worlds.stats_dashboard import HOME, WEEK_S, drafted, frozen, shown

WEEKLY = shown(frozen(drafted("weekly", [HOME], periods=Periods(length_s=WEEK_S, count=4))))
ONCE = shown(frozen(drafted("once", [HOME])))


def query(**fields: str) -> FormBody:
    return FormBody({name: (value,) for name, value in fields.items()})


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, None),
        ({"from": "2"}, (1, 4)),
        ({"to": "3"}, (0, 3)),
        ({"from": "2", "to": "2"}, (1, 2)),
        ({"from": " 1 ", "to": ""}, (0, 4)),
    ],
)
def test_periods_are_counted_from_one(asked: dict[str, str], found: tuple[int, int] | None) -> None:
    assert period_filter(query(**asked), WEEKLY) == CellFilter(periods=found)


@pytest.mark.parametrize("asked", [{"from": "0"}, {"to": "5"}, {"from": "3", "to": "2"}, {"from": "x"}, {"to": "1e3"}])
def test_periods_that_are_not_there_are_refused(asked: dict[str, str]) -> None:
    with pytest.raises(MisuseError):
        period_filter(query(**asked), WEEKLY)


def test_a_field_given_twice_is_refused() -> None:
    with pytest.raises(BadFormError):
        period_filter(FormBody({"from": ("1", "2")}), WEEKLY)


def test_a_survey_of_one_period_has_no_form() -> None:
    assert filter_form(ONCE, CellFilter(), "/x") == ""
    form = render(element("div", filter_form(WEEKLY, CellFilter(periods=(1, 3)), "/x"))).decode()
    assert 'action="/x"' in form
    assert 'method="get"' in form
    assert "Periods 2 to 3 are shown, from 2026-12-23 08:00 UTC on." in form
    assert 'value="2"' in form
