from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from stats.answer.ledger import MILLION, PrivacyLimits
from stats.answer.program import open_answers
from stats.answer.store import rows
from stats.main import stats
from tests.worlds.stats.commands import good, refused, run
from tests.worlds.stats.respondents import CODE

INVITATION = f"survey-1:provider-2:{'00' * 32}:provider-3:"


def test_help_names_what_a_respondent_can_do() -> None:
    told = good("answer", "--help")
    for name in ("take", "status", "budget", "forget", "loopixmix stats answer INVITATION"):
        assert name in told


def test_what_is_no_command_is_an_invitation(tmp_path: Path) -> None:
    assert "the invitation cannot be read" in refused("answer", "nowhere.txt", "--client", tmp_path)
    assert "one word that begins with survey-1:" in refused("answer", Path(__file__), "--client", tmp_path)
    assert "give an invitation" in run("answer", "--client", tmp_path).output


def test_a_code_in_the_command_line_is_refused_and_not_repeated(tmp_path: Path) -> None:
    told = refused("answer", INVITATION + CODE, "--client", tmp_path / "client")
    assert "others on this machine can read the code" in told
    assert CODE not in told


@pytest.mark.parametrize("text", ["[1]", "{", '{"mood": null}', '{"mood": {"x": 1}}'])
def test_answers_are_a_json_object(tmp_path: Path, text: str) -> None:
    (tmp_path / "answers.json").write_text(text)
    told = refused("answer", INVITATION, "--answers", tmp_path / "answers.json", "--client", tmp_path)
    assert "the answers are a JSON object" in told


def test_the_budget_is_shown_and_changed(tmp_path: Path) -> None:
    told = good("answer", "budget", "--client", tmp_path)
    assert "0 of 10 if one mix is honest (eps)" in told
    assert "0 of 200 if all mixes work together (eps0)" in told
    assert "true answers: never leave" in told
    good("answer", "budget", "--client", tmp_path, "--eps", "2.5", "--days", "30", "--trust-collectors")
    store = open_answers(tmp_path / "answers")
    limits = store.read(rows.find_limits)
    store.close()
    assert limits == PrivacyLimits(2_500_000, 200 * MILLION, 30, trusts_collectors=True)
    found = json.loads(good("answer", "budget", "--client", tmp_path, "--json"))
    assert found["limits"]["eps"] == 2_500_000
    assert found["spent"] == {"eps": 0, "eps0": 0, "raw": 0}
    assert "a privacy loss is a number such as 1.5" in refused(
        "answer", "budget", "--eps", "much", "--client", tmp_path
    )


def test_a_device_needs_values_that_are_json(tmp_path: Path) -> None:
    (tmp_path / "invitation").write_text(INVITATION)
    result = CliRunner().invoke(stats, ["device", str(tmp_path / "invitation"), "--client", str(tmp_path)], input="12")
    assert "the answers are a JSON object" in str(result.exception)
