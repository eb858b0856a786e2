from __future__ import annotations

import csv
from pathlib import Path

import pytest

from stats.answer.invitation import decode_survey_invitation
from stats.questionnaire.questionnaire import encode_canonical
from tests.worlds.stats.commands import good, refused
from tests.worlds.stats.drafts import new_questionnaire


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    path = tmp_path / "questionnaire.json"
    path.write_bytes(encode_canonical(new_questionnaire()))
    (tmp_path / "people.csv").write_text("name,mail\nAnn,ann@one\n=Bob,bob@two\n")
    (tmp_path / "codes.csv").write_text("code\naaaa\nbbbb\n")
    return path


def test_invitations_and_reminders_are_written(survey: Path, tmp_path: Path) -> None:
    people, codes, out = (tmp_path / name for name in ("people.csv", "codes.csv", "out.csv"))
    assert "2 invitations" in good("invite", survey, people, out, "--codes", codes)
    assert out.stat().st_mode & 0o777 == 0o600
    with out.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["Ann", "'=Bob"]
    assert [decode_survey_invitation(row["invitation"]).code for row in rows] == ["aaaa", "bbbb"]
    assert "never overwritten" in refused("invite", survey, people, out, "--codes", codes)
    assert "2 reminders" in good("invite", survey, people, tmp_path / "again.csv", "--remind")
    assert "aaaa" not in (tmp_path / "again.csv").read_text()


def test_what_is_missing_is_said(survey: Path, tmp_path: Path) -> None:
    people, codes, out = (tmp_path / name for name in ("people.csv", "codes.csv", "out.csv"))
    assert "give --codes" in refused("invite", survey, people, out)
    few = tmp_path / "few.csv"
    few.write_text("code\naaaa\n")
    assert "1 codes for 2 people" in refused("invite", survey, people, out, "--codes", few)
    assert "has no code" in refused("invite", survey, people, out, "--codes", codes, "--remind")
    survey.write_bytes(b"{}")
    assert refused("invite", survey, people, out, "--codes", codes).startswith(f"{survey}: not a questionnaire")
    assert not out.exists()
