"""The forms of the dashboard: a cross table, a query, an export."""

from __future__ import annotations

from collections.abc import Sequence

from loopixmix.errors import MisuseError
from loopixmix.web.forms.bodies import FormBody
from loopixmix.web.forms.fields import ChoiceField, Option, TextField
from loopixmix.web.forms.forms import Filled, Form
from loopixmix.web.showing.markup import Content, element, paragraph, section
from loopixmix.web.showing.numbers import show_number
from loopixmix.web.showing.tables import Cell, table
from stats.dashboard.exports import ExportedPart, ExportFormat, ExportOrder
from stats.dashboard.queries import MOST_EXPORTED, MOST_ROWS
from stats.dashboard.seams import ShownSurvey

SQL = TextField("sql", "Query", lines=6, longest=4000, description="One SELECT, which only reads.")
SQL_FORM = Form(SQL, submit="Run the query")
PART = ChoiceField(
    "part",
    "What do you want to export?",
    [
        Option(ExportedPart.ESTIMATES.value, "Estimates", "Of all questions, raw and shown, with their intervals."),
        Option(ExportedPart.REPORTS.value, "Randomised reports", f"Of one sheet, at most {MOST_EXPORTED:,} in a file."),
    ],
)
SHEET, MOST_BATCH = "sheet", 10**9
FIRST = TextField("first", "From batch", "Empty for all batches.", longest=9, required=False)
LAST = TextField("last", "To batch", longest=9, required=False)
FORMAT = ChoiceField("format", "In which format?", [Option(each.value, each.value.upper()) for each in ExportFormat])


RECORDED = "Who exports what is recorded. What is hidden on pages is empty in estimates."


def wrong(words: str) -> Content:
    """Return a line that says why something was not done."""
    return element("p", f"{words[:1].upper()}{words[1:]}.", class_="errors", role="alert")


def cross_form(survey: ShownSurvey, rows: str, columns: str, action: str) -> Content:
    """Return a form that chooses two questions which travelled together. It is asked for, and changes nothing."""
    together = [sheet.questions for sheet in survey.questionnaire.sheets if len(sheet.questions) > 1]
    if not together:
        return paragraph("The questions of this survey travel in separate reports: nothing tells who sent both.")
    texts = {question.name: question.text for question in survey.questionnaire.draft.questions}
    options = [Option(name, texts[name]) for names in together for name in names]
    given = FormBody({"rows": (rows,), "columns": (columns,)})
    return element(
        "form",
        ChoiceField("rows", "Rows", options).show(given, ""),
        ChoiceField("columns", "Columns", options).show(given, ""),
        element("button", "Show the table", type="submit"),
        method="get",
        action=action,
    )


def export_form(survey: ShownSurvey) -> Form:
    """Return the form that orders a file."""
    names = [Option(str(number), ", ".join(each.questions)) for number, each in enumerate(survey.tables)]
    sheet = ChoiceField(SHEET, "Reports of which questions?", names, "Only for randomised reports.", required=False)
    return Form(PART, FORMAT, *((sheet,) if len(names) > 1 else ()), FIRST, LAST, submit="Export")


def export_order(filled: Filled) -> ExportOrder:
    """Return what a form that is good orders; raise `MisuseError` if the numbers of batches are none."""
    body = filled.body
    first, last = (_batch(body.one(field.name).strip()) for field in (FIRST, LAST))
    batches = None if first is None and last is None else (first or 0, MOST_BATCH if last is None else last + 1)
    return ExportOrder(
        ExportedPart(filled.value(PART)), ExportFormat(filled.value(FORMAT)), int(body.one(SHEET) or 0), batches
    )


def _batch(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise MisuseError(f"the number of a batch is 0 or more, not {text[:20]!r}")
    return int(text)


def sql_form(survey: ShownSurvey, token: str, filled: Filled | None) -> Content:
    """Return the form for a query, with an example if nothing was entered."""
    example = f"SELECT period, count(*) AS reports FROM {survey.tables[0].name} GROUP BY period"  # noqa: S608 (to change)
    return SQL_FORM.show(token, filled or Filled(FormBody({SQL.name: (example,)}), {}, {}))


def query_content(survey: ShownSurvey) -> Content:
    """Return what an analyst needs to know to write a query."""
    columns = [
        element("li", element("code", each.name), ": period, batch, ", ", ".join(each.questions))
        for each in survey.tables
    ]
    return section(
        "What can be queried",
        paragraph(
            "The tables hold randomised reports: counts of them are not counts of people. Questions are columns of "
            f"whole numbers. At most {MOST_ROWS:,} rows are shown. Queries cost no privacy budget."
        ),
        element("ul", *columns),
    )


def rows_table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> Content:
    """Return the answer to a query."""
    if not rows:
        return paragraph("The answer has no rows.")
    shown: list[Sequence[Cell]] = [tuple(_cell(value) for value in row) for row in rows]
    more = paragraph(f"Only the first {MOST_ROWS:,} rows are shown.") if len(rows) >= MOST_ROWS else ""
    return [table("Answer", [str(name) for name in names], shown), more]


def _cell(value: object) -> Cell:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else str(value)[:200]
    return show_number(value)
