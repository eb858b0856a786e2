"""Data sets with central noise: their budgets, their columns, a question and its answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal as Digits

from twisted.web.template import Tag

from loopixmix.web.forms.bodies import FormBody
from loopixmix.web.forms.fields import FieldError, TextField
from loopixmix.web.forms.forms import Filled, Form
from loopixmix.web.showing.markup import Content, element, link, notice, paragraph, section
from loopixmix.web.showing.numbers import show_number
from loopixmix.web.showing.tables import Cell, table
from stats.central.asking.syntax import ALLOWED
from stats.central.budget import DataSpending
from stats.central.datasets import DataSetStanding, NoisyAnswer
from stats.central.terms import CategoryColumn, DataColumn, NumberColumn
from stats.dashboard.wording import moment

MOST_VALUES_NAMED = 12
NOISE_WORDS = "95 % intervals: privacy noise alone. The rows themselves are taken as they are."


class TicketField:
    """A hidden field that is good for one answer: a form that is sent twice is paid for once."""

    name, label, target = "ticket", "Ticket", "ticket"

    def read(self, body: FormBody) -> str:
        """Return the ticket."""
        ticket = body.one(self.name)
        if not 1 <= len(ticket) <= 64:
            raise FieldError("load the page again")
        return ticket

    def show(self, body: FormBody, error: str) -> Tag:  # noqa: ARG002 (nobody sees it)
        """Return the field."""
        return element("input", type="hidden", name=self.name, value=next(iter(body.texts.get(self.name, ())), ""))


TICKET = TicketField()
QUESTION = TextField("sql", "Question", lines=5, longest=2000, description=f"{ALLOWED[:1].upper()}{ALLOWED[1:]}.")
EPS = TextField("eps", "Spend at most (eps)", longest=12, required=False)
QUESTION_FORM = Form(TICKET, QUESTION, EPS, submit="Ask, and spend")


def data_set_list(found: Sequence[DataSetStanding], to: Callable[[str], str]) -> Content:
    """Return all data sets with what is left of their budgets."""
    if not found:
        return paragraph("There is no data set with central noise.", class_="quiet")
    rows: list[Sequence[Cell]] = [
        (
            link(to(f"/data/{each.name}"), each.name),
            each.terms.title,
            _digits(each.left.eps),
            _digits(each.left.eps_whole),
        )
        for each in found
    ]
    return table("Data sets", ("name", "title", "eps left", "eps in the beginning"), rows)


def budget_panel(standing: DataSetStanding, spendings: Sequence[DataSpending]) -> Content:
    """Return what is spent, what is left, and who spent it."""
    left = standing.left
    shares = [_budget_row("eps", left.eps_whole, left.eps)]
    if left.delta_whole:
        shares.append(_budget_row("delta", left.delta_whole, left.delta))
    rows: list[Sequence[Cell]] = [
        (moment(each.at_s), each.analyst, _digits(each.eps), each.question[:200]) for each in spendings
    ]
    by_whom = table("The newest spendings", ("when", "who", "eps", "question"), rows) if rows else ""
    over = (
        ""
        if left.eps >= Digits(standing.terms.eps_each)
        else paragraph("What is left does not suffice for an ordinary question.", class_="errors")
    )
    return section(
        "Budget",
        paragraph(
            "All answers together give away at most the whole budget of any person, whatever is asked. When it is "
            "spent, nothing more is answered."
        ),
        over,
        table("Privacy budget", ("budget", "whole", "spent", "left"), shares),
        by_whom,
    )


def columns_panel(standing: DataSetStanding) -> Content:
    """Return what may be asked about."""
    rows: list[Sequence[Cell]] = [(column.name, _kind(column)) for column in standing.terms.columns]
    return section("What can be asked", table("Columns", ("column", "values"), rows))


def question_content(standing: DataSetStanding, token: str, ticket: str, given: Filled | None, wrong: str) -> Content:
    """Return the form for a question.

    `ticket`: a new one. `given`: what was entered before, if it is to be mended. `wrong`: why it was not answered.
    """
    each = _digits(Digits(standing.terms.eps_each))
    hint = paragraph(f"An ordinary question spends eps {each}. Leave the field empty for that.", class_="quiet")
    example = f"SELECT count(*) FROM {standing.name}"  # noqa: S608 (a person is to change it)
    texts = {QUESTION.name: (example,)} if given is None else dict(given.body.texts)
    filled = Filled(FormBody({**texts, TICKET.name: (ticket,)}), {} if given is None else given.errors, {})
    told = element("p", wrong, class_="errors", role="alert") if wrong else ""
    return section("Ask", hint, told, QUESTION_FORM.show(token, filled))


def answer_content(answer: NoisyAnswer) -> list[Content]:
    """Return an answer with its intervals and its price."""
    rows: list[Sequence[Cell]] = []
    for row in answer.rows:
        cells: list[Cell] = list(row.group)
        for value in row.values:
            cells.append(f"{_near(value.value)} ({_near(value.low)} to {_near(value.high)})")
        rows.append(tuple(cells))
    left = f"eps {_digits(answer.left.eps)} of {_digits(answer.left.eps_whole)} was left then."
    delta = f" and delta {_digits(answer.delta)}" if answer.delta else ""
    told = notice(f"This answer cost eps {_digits(answer.eps)}{delta}; {left}")
    listed = (
        table("Answer", (*answer.groups, *answer.measures), rows)
        if rows
        else paragraph("No group has so many rows that it may be told.")
    )
    return [told, listed, paragraph(NOISE_WORDS, class_="quiet")]


def _budget_row(name: str, whole: Digits, left: Digits) -> Sequence[Cell]:
    return (name, _digits(whole), _digits(whole - left), _digits(left))


def _kind(column: DataColumn) -> str:
    if isinstance(column, NumberColumn):
        return f"a number from {column.lower} to {column.upper}, in steps of {column.step}"
    if isinstance(column, CategoryColumn):
        named = ", ".join(column.labels[:MOST_VALUES_NAMED])
        return f"one of: {named}{', ...' if len(column.labels) > MOST_VALUES_NAMED else ''}"
    return "a text; it is told only if enough rows have it"


def _near(value: float) -> str:
    return show_number(round(value, 3))


def _digits(amount: Digits) -> str:
    return f"{amount:f}".rstrip("0").rstrip(".") if "." in f"{amount:f}" else f"{amount:f}"
