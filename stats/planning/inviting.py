"""A mail merge: from names, addresses and codes to one line for each invitation, and one for each reminder."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

from loopixmix.errors import MisuseError
from stats.answer.invitation import SurveyInvitation
from stats.questionnaire.questionnaire import PersonKind, Questionnaire

MOST_BYTES = 64 * 1024 * 1024
MOST_CELL_LETTERS = 1_000
ADDED = ("code", "survey", "collector", "invitation", "opens", "closes", "title")
"""The columns that are added to those of the list."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%")
"""What a spreadsheet may take for the begin of a formula."""


def read_rows(data: bytes, what: str) -> list[dict[str, str]]:
    """Return the lines of a CSV file with a header, in UTF-8; raise `MisuseError` with the line of the fault.

    `what`: how messages call the file.
    """
    if len(data) > MOST_BYTES:
        raise MisuseError(f"{what}: at most {MOST_BYTES} bytes are read")
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise MisuseError(f"{what}: it is no CSV in UTF-8: {error}") from error
    if not rows or not all(name.strip() for name in rows[0]) or len(set(rows[0])) != len(rows[0]):
        raise MisuseError(f"{what}: the first line names the columns, each differently")
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(rows[0]):
            raise MisuseError(f"{what}: line {number} has {len(row)} cells, and the first line {len(rows[0])}")
        if any(len(cell) > MOST_CELL_LETTERS for cell in row):
            raise MisuseError(f"{what}: a cell of line {number} has over {MOST_CELL_LETTERS} characters")
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def codes_of(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the codes that an issuer wrote: the column `code`, each once; raise `MisuseError`."""
    codes = [row.get("code", "") for row in rows]
    if not codes or not all(codes) or len(set(codes)) != len(codes):
        raise MisuseError("the codes are no file of `loopixmix stats issuer codes`: one column `code`, each once")
    return codes


def invitations(
    questionnaire: Questionnaire, people: Sequence[Mapping[str, str]], codes: Sequence[str]
) -> Iterator[dict[str, str]]:
    """Yield a line for each person of the list: its columns, and what the mail tells.

    `codes`: one for each person, in any order; none if the survey is for contacts, accounts, or open to anybody.
    Raises `MisuseError` if there are too few, or the list has a column that is added.
    """
    _check_columns(people)
    with_codes = questionnaire.draft.persons.kind is PersonKind.CODES
    if with_codes and not codes:
        raise MisuseError("the survey is for holders of codes: give --codes and the file of `stats issuer codes`")
    if with_codes and len(codes) < len(people):
        raise MisuseError(f"there are {len(codes)} codes for {len(people)} people; make more with `stats issuer codes`")
    if not with_codes and codes:
        raise MisuseError("who may answer this survey needs no code of a list")
    for index, person in enumerate(people):
        yield {**person, **_told(questionnaire, codes[index] if with_codes else "")}


def reminders(questionnaire: Questionnaire, people: Sequence[Mapping[str, str]]) -> Iterator[dict[str, str]]:
    """Yield a line for each person, whether they have answered or not: nobody knows. There is no code in it."""
    _check_columns(people)
    for person in people:
        yield {**person, **_told(questionnaire, "")}


def written(rows: Sequence[Mapping[str, str]]) -> str:
    """Return lines as CSV that a spreadsheet opens without taking a cell for a formula.

    A cell that looks like one gets an apostrophe before it, as spreadsheets themselves write such text.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    if rows:
        writer.writerow([harmless(name) for name in rows[0]])
    writer.writerows([harmless(cell) for cell in row.values()] for row in rows)
    return text.getvalue()


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    begins = cell.lstrip(" \t\r\n\u00a0\ufeff")
    return f"'{cell}" if begins.startswith(_FORMULA) or cell.startswith(_FORMULA) else cell


def _told(questionnaire: Questionnaire, code: str) -> dict[str, str]:
    draft = questionnaire.draft
    invitation = SurveyInvitation(draft.collector, questionnaire.survey_id, draft.persons.issuer, code)
    told = (code, questionnaire.survey_id.hex(), draft.collector, invitation.encode())
    times = (f"{draft.opens:%Y-%m-%d %H:%M} UTC", f"{draft.closes:%Y-%m-%d %H:%M} UTC")
    return dict(zip(ADDED, (*told, *times, draft.title), strict=True))


def _check_columns(people: Sequence[Mapping[str, str]]) -> None:
    if not people:
        raise MisuseError("the list has nobody")
    for name in ADDED:
        if name in people[0]:
            raise MisuseError(f"the list has a column {name!r}, which is added: call it otherwise")
