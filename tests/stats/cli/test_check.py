"""`loopixmix stats new`, `check`, `preview` and `freeze`."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from loopixmix.errors import MisuseError
from stats.questionnaire.questionnaire import Periods, PersonKind, Persons, decode_questionnaire, encode_canonical
from tests.worlds.stats.commands import good, refused, run
from tests.worlds.stats.drafts import AGE, MOOD, keys_for, new_draft, new_questionnaire


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    path = tmp_path / "draft.json"
    path.write_bytes(encode_canonical(new_draft(MOOD, AGE)))
    return path


def test_an_example_is_written_and_sound(tmp_path: Path) -> None:
    path = tmp_path / "draft.json"
    assert "batching.threshold" in good("new", path, "--collector", "alpha", "--issuer", "beta")
    assert "never overwritten" in refused("new", path)
    told = json.loads(good("check", path, "--json"))
    assert told["passed"] is True
    assert told["figures"]["eps.promised"] <= 3.00001
    assert told["figures"]["margin.ride.10000"] < told["figures"]["margin.ride.100"]
    shown = good("preview", path)
    assert "Which tickets do you have?" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_mechanisms_and_a_forecast_are_shown(draft: Path) -> None:
    said = good("check", draft)
    for words in ("mood", "krr", "age", "1000000", "1 M", "eps0", "all together"):
        assert words in said


def test_what_all_periods_give_away_is_told(tmp_path: Path) -> None:
    path = tmp_path / "draft.json"
    again = msgspec.structs.replace(MOOD, again=True)
    path.write_bytes(encode_canonical(new_draft(again, periods=Periods(length_s=86_400, count=7))))
    assert "in all 7 periods" in good("check", path)
    figures = json.loads(good("check", path, "--json"))["figures"]
    assert figures["eps.all_periods"] == figures["eps0.mood"] > figures["eps.promised"]


def test_all_faults_are_told_with_their_places(tmp_path: Path) -> None:
    path = tmp_path / "draft.json"
    wrong = msgspec.structs.replace(AGE, edges=(3, 2, 1))
    path.write_bytes(encode_canonical(new_draft(MOOD, wrong, MOOD, collector="beta")))
    result = run("check", path)
    assert result.exit_code == 1
    for words in ("questions[1] (age): edges", "questions[2] (mood): another", "persons.issuer"):
        assert words in result.output
    told = json.loads(run("check", path, "--json").stdout)
    assert told["passed"] is False
    assert {check["name"] for check in told["checks"]} >= {"persons.issuer", "questions[1] (age)", "the whole file"}
    assert "persons.issuer" in refused("preview", path)


def test_a_promise_that_leaves_nothing_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "draft.json"
    privacy = msgspec.structs.replace(new_draft().privacy, eps="0.000000000001")
    batching = msgspec.structs.replace(new_draft().batching, threshold=3)
    path.write_bytes(encode_canonical(new_draft(privacy=privacy, batching=batching)))
    result = run("check", path)
    assert result.exit_code == 1
    assert "too small" in result.output


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"draft": 1}', b'{"format": 1}', b"null"])
def test_what_is_no_survey_is_refused_by_the_name_of_the_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "draft.json"
    path.write_bytes(data)
    for command in ("check", "preview"):
        assert refused(command, path).startswith(f"{path}: ")
        # Bad input: the exit code is 2.
        assert isinstance(run(command, path).exception, MisuseError)


def test_a_draft_is_frozen_and_the_questionnaire_checked(draft: Path, tmp_path: Path) -> None:
    keys, out = tmp_path / "keys.json", tmp_path / "questionnaire.json"
    keys.write_bytes(msgspec.json.encode(keys_for(new_draft(MOOD, AGE))))
    survey_id = good("freeze", draft, "--keys", keys, "-o", out).strip()
    assert decode_questionnaire(out.read_bytes()).survey_id.hex() == survey_id
    assert decode_questionnaire(out.read_bytes()) == new_questionnaire(MOOD, AGE)
    assert f"id is {survey_id}" in good("check", out)
    assert "How old are you?" in good("preview", out)
    assert "never overwritten" in refused("freeze", draft, "--keys", keys, "-o", out)
    # A larger weight of the truth breaks the promise.
    true = new_questionnaire(MOOD, AGE).sheets[0].mechanisms[0].true_weight
    changed = out.read_bytes().replace(f'"true_weight":{true}'.encode(), f'"true_weight":{2 * true}'.encode())
    out.write_bytes(changed)
    result = run("check", out)
    assert result.exit_code == 1
    assert "breaks the promise" in result.output


def test_what_does_not_belong_together_is_not_frozen(draft: Path, tmp_path: Path) -> None:
    out, keys = tmp_path / "questionnaire.json", tmp_path / "keys.json"
    assert "give --keys" in refused("freeze", draft, "-o", out)
    keys.write_bytes(b"[]")
    assert "there is one for each of 2 sheets" in refused("freeze", draft, "--keys", keys, "-o", out)
    keys.write_bytes(b"[1]")
    assert refused("freeze", draft, "--keys", keys, "-o", out).startswith(f"{keys}: no list of token keys")
    keys.write_bytes(msgspec.json.encode(keys_for(new_draft(MOOD, AGE, version=2))))
    assert "its purpose has to be" in refused("freeze", draft, "--keys", keys, "-o", out)
    assert not out.exists()


def test_a_survey_that_is_open_to_anybody_needs_no_keys(tmp_path: Path) -> None:
    path, out = tmp_path / "draft.json", tmp_path / "questionnaire.json"
    path.write_bytes(encode_canonical(new_draft(persons=Persons(kind=PersonKind.OPEN, issuer="beta"))))
    assert len(good("freeze", path, "-o", out).strip()) == 64
