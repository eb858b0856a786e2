"""Invitations for a mail merge, which no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io

import pytest

from loopixmix.errors import MisuseError
from stats.answer.invitation import decode_survey_invitation
from stats.planning.inviting import codes_of, harmless, invitations, read_rows, reminders, written
from stats.questionnaire.questionnaire import PersonKind, Persons
from tests.worlds.stats.drafts import new_questionnaire

PEOPLE = [{"name": "Ann", "mail": "ann@one.example"}, {"name": "Bob", "mail": "bob@two.example"}]


def test_each_person_gets_a_code_of_their_own_in_an_invitation() -> None:
    survey = new_questionnaire()
    rows = list(invitations(survey, PEOPLE, ["aaaa", "bbbb", "cccc"]))
    assert [row["name"] for row in rows] == ["Ann", "Bob"]
    for row, code in zip(rows, ("aaaa", "bbbb"), strict=True):
        invitation = decode_survey_invitation(row["invitation"])
        assert (invitation.code, row["code"]) == (code, code)
        assert invitation.survey_id == survey.survey_id
        assert (invitation.collector, invitation.issuer) == ("alpha", "beta")
        assert row["closes"] == "2026-12-15 08:00 UTC"


def test_a_reminder_goes_to_everybody_and_has_no_code() -> None:
    rows = list(reminders(new_questionnaire(), PEOPLE))
    assert len(rows) == 2
    assert {row["code"] for row in rows} == {""}
    assert decode_survey_invitation(rows[0]["invitation"]).code == ""


@pytest.mark.parametrize("kind", [PersonKind.CONTACTS, PersonKind.OPEN])
def test_where_codes_are_not_listed_there_are_none(kind: PersonKind) -> None:
    survey = new_questionnaire(persons=Persons(kind=kind, issuer="beta"))
    assert [row["code"] for row in invitations(survey, PEOPLE, [])] == ["", ""]
    with pytest.raises(MisuseError, match="needs no code"):
        list(invitations(survey, PEOPLE, ["aaaa", "bbbb"]))


def test_what_cannot_be_merged_is_refused() -> None:
    survey = new_questionnaire()
    with pytest.raises(MisuseError, match="1 codes for 2 people"):
        list(invitations(survey, PEOPLE, ["aaaa"]))
    with pytest.raises(MisuseError, match="column 'code'"):
        list(invitations(survey, [{"code": "x"}], ["aaaa"]))
    with pytest.raises(MisuseError, match="nobody"):
        list(reminders(survey, []))


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+49 30 1",
        "-2",
        "@SUM(A1)",
        "\t=1",
        " =1",
        "\r=1",
        "\n=1",
        "|cmd",
        "%0",
        "\u00a0=1",
        "\ufeff=HYPERLINK()",
    ],
)
def test_no_cell_is_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    survey = new_questionnaire()
    text = written(list(invitations(survey, [{"name": cell, cell: "x"}], ["aaaa"])))
    head, row = csv.reader(io.StringIO(text, newline=""))
    for found in (*head, *row):
        assert not found.lstrip(" \t\r\n\u00a0\ufeff").startswith(("=", "+", "-", "@", "|", "%"))


@pytest.mark.parametrize("cell", ["", "Ann", "a=b", "o'Neill", "survey-1:alpha:ab:beta:code", "3"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert harmless(cell) == cell


def test_names_with_signs_come_through() -> None:
    rows = [{"name": 'Ann "the\nquick", M.', "mail": "ä@ü"}]
    assert read_rows(written(rows).encode("utf-8-sig"), "people.csv") == rows


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "first line"),
        (b"name,name\n", "first line"),
        (b"name,\n", "first line"),
        (b"name\nAnn,Bob\n", "line 2 has 2 cells"),
        (b"\xff\xfe", "no CSV in UTF-8"),
        (b'name\n"Ann', "no CSV"),
        (b"name\n" + b"x" * 1001 + b"\n", "line 2 has over 1000"),
    ],
)
def test_a_list_of_another_form_is_refused_with_its_line(data: bytes, complaint: str) -> None:
    with pytest.raises(MisuseError, match=f"people.csv: .*{complaint}"):
        read_rows(data, "people.csv")


def test_codes_are_those_of_an_issuer() -> None:
    assert codes_of([{"code": "a"}, {"code": "b"}]) == ["a", "b"]
    for rows in ([], [{"code": ""}], [{"code": "a"}, {"code": "a"}], [{"name": "a"}]):
        with pytest.raises(MisuseError, match="no file of"):
            codes_of(rows)
