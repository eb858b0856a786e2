from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stats.questionnaire.questionnaire import Questionnaire, encode_canonical
from stats.running.directory import LOCK_FILE
from tests.worlds.running import told_by_running
from tests.worlds.stats.commands import good, refused, run
from tests.worlds.stats.drafts import MOOD, new_questionnaire


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "collector"
    good("collector", "init", made, "--port", 0)
    return made


@pytest.fixture(scope="module")
def questionnaire() -> Questionnaire:
    now = datetime.now(UTC).replace(microsecond=0)
    return new_questionnaire(MOOD, opens=now, closes=now + timedelta(hours=2))


def written(directory: Path, data: bytes) -> Path:
    path = directory / "questionnaire.json"
    path.write_bytes(data)
    return path


def listed(directory: Path) -> list[dict[str, object]]:
    surveys: list[dict[str, object]] = json.loads(good("collector", "list", directory, "--json"))["surveys"]
    return surveys


def test_init_tells_the_providers_operator_what_to_write(tmp_path: Path) -> None:
    said = good("collector", "init", tmp_path / "new")
    assert "[remote.stats]" in said
    assert "http://collector.localhost:8430" in said
    assert f'socket = "{tmp_path}/new/collector.sock"' in said
    assert "exists already" in refused("collector", "init", tmp_path / "new")
    assert "without a certificate" in refused("collector", "init", tmp_path / "other", "--host", "0.0.0.0")


def test_the_configuration_is_checked_without_a_start(directory: Path) -> None:
    assert "the configuration is good" in good("collector", "run", directory, "--check-config")
    config = directory / "collector.toml"
    sound = config.read_text()
    config.write_text(
        sound.replace('certificate = ""', 'certificate = "no.pem"').replace('\nkey = ""', '\nkey = "no.key"')
    )
    assert "no.pem: cannot be read" in refused("collector", "run", directory, "--check-config")
    config.write_text(sound.replace("port = 0", "port = 70000"))
    assert "port is 70000; allowed is 0 to 65535" in refused("collector", "run", directory, "--check-config")
    config.write_text("wrong = 1")
    assert "wrong" in refused("collector", "run", directory, "--check-config")
    assert "there is no such file" in refused("collector", "run", directory / "none", "--check-config")


def test_a_survey_is_added_listed_and_closed(directory: Path, questionnaire: Questionnaire) -> None:
    path = written(directory, encode_canonical(questionnaire))
    survey_id = questionnaire.survey_id.hex()
    for _ in range(2):
        assert good("collector", "add", directory, path).strip() == survey_id
    [told] = listed(directory)
    assert (told["survey_id"], told["title"], told["is_closed"]) == (survey_id, questionnaire.draft.title, False)
    assert (told["waiting"], told["released"], told["discarded"]) == (None, 0, 0)
    assert survey_id[:16] in good("collector", "list", directory)

    assert "0 ids" in refused("collector", "close", directory, "ffff" + survey_id[:4])
    for short in ("", survey_id[:7]):
        assert "name one" in refused("collector", "close", directory, short)
    assert "is closed" in good("collector", "close", directory, survey_id[:8].upper())
    assert listed(directory)[0]["is_closed"] is True
    assert "(closed)" in good("collector", "list", directory)


def test_what_is_no_sound_questionnaire_is_refused(directory: Path, questionnaire: Questionnaire) -> None:
    data = encode_canonical(questionnaire)
    for wrong in (b"", b"{}", data[:-1], data + b" ", data.replace(b'"version":1', b'"version":"x"')):
        refused("collector", "add", directory, written(directory, wrong))
    draft = encode_canonical(questionnaire.draft)
    assert "`loopixmix stats freeze` makes" in refused("collector", "add", directory, written(directory, draft))
    domain = data.replace(b'"domain":3', b'"domain":4')
    assert "values, and the mechanism 4" in refused("collector", "add", directory, written(directory, domain))
    over = new_questionnaire(MOOD, opens=datetime(2020, 1, 1, tzinfo=UTC), closes=datetime(2020, 1, 2, tzinfo=UTC))
    assert "closed at 2020-01-02" in refused("collector", "add", directory, written(directory, encode_canonical(over)))
    assert listed(directory) == []


def test_what_a_collector_could_not_run_with_is_refused_by_the_check(directory: Path) -> None:
    config = directory / "collector.toml"
    good("collector", "run", directory, "--check-config")
    config.write_text(config.read_text().replace('provider_user = ""', 'provider_user = "nobody-of-that-name"'))
    assert "nobody-of-that-name" in refused("collector", "run", directory, "--check-config")


def test_the_status_is_that_of_a_program_that_runs(directory: Path) -> None:
    assert "no collector runs here" in refused("collector", "status", directory)
    survey = {"survey_id": "ab" * 32, "title": "Mood", "waiting": 3, "released": 9}
    with told_by_running(directory / LOCK_FILE, {"surveys": [survey], "problem": None}):
        assert json.loads(good("collector", "status", directory, "--json"))["surveys"] == [survey]
        assert "abababababababab  Mood: 3 wait, 9 released" in good("collector", "status", directory)
        (directory / "status.json").write_text("{")
        assert "is damaged" in refused("collector", "status", directory)
    assert "no collector runs here" in refused("collector", "status", directory)


def test_every_command_has_help() -> None:
    for words in ([], ["init"], ["run"], ["add"], ["close"], ["list"], ["status"]):
        result = run("collector", *words, "--help")
        assert result.exit_code == 0
        assert len(result.output.splitlines()) > 5
