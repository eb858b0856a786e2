"""Which periods are looked at, as a page's address has it."""

from __future__ import annotations

from loopixmix.errors import MisuseError
from loopixmix.web.forms.bodies import FormBody
from loopixmix.web.forms.fields import FieldError, NumberField
from loopixmix.web.showing.markup import Content, element, link, paragraph
from stats.columns.seams import CellFilter
from stats.dashboard.seams import ShownSurvey
from stats.dashboard.wording import moment


def period_filter(query: FormBody, survey: ShownSurvey) -> CellFilter:
    """Return the filter of an address; raise `MisuseError` if the survey has no such periods.

    `query`: `from` and `to` are the numbers of the first and last period, which begin at 1; both may be left out.
    """
    first, last = (_read(field, query) for field in _fields(survey))
    if first is None and last is None:
        return CellFilter()
    begin, end = (first or 1) - 1, last or survey.period_count
    if begin >= end:
        raise MisuseError(f"the first period is {begin + 1}, after the last one, {end}")
    return CellFilter(periods=(begin, end))


def filter_form(survey: ShownSurvey, where: CellFilter, action: str) -> Content:
    """Return a form that chooses periods; nothing if the survey has only one. It is asked for, and changes nothing."""
    if survey.period_count == 1:
        return ""
    given = FormBody()
    told = f"All {survey.period_count} periods are shown."
    if where.periods is not None:
        first, last = where.periods[0] + 1, where.periods[1]
        given = FormBody({"from": (str(first),), "to": (str(last),)})
        told = f"Periods {first} to {last} are shown, from {moment(survey.begins_s(first - 1))} on."
    form = element(
        "form",
        *(field.show(given, "") for field in _fields(survey)),
        element("button", "Show these periods", type="submit", class_="second"),
        method="get",
        action=action,
    )
    return element("details", element("summary", "Choose periods"), paragraph(told), form, link(action, "Show all"))


def _fields(survey: ShownSurvey) -> tuple[NumberField, NumberField]:
    last = survey.period_count
    return (
        NumberField("from", "From period", least=1, most=last),
        NumberField("to", "To period", least=1, most=last, description=f"The last one is {last}."),
    )


def _read(field: NumberField, query: FormBody) -> int | None:
    if not query.one(field.name):
        return None
    try:
        return field.read(query)
    except FieldError as error:
        raise MisuseError(f"{field.label}: {error}") from error
