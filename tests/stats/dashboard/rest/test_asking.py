"""The commands' side of the interface, against the real one in memory."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from twisted.internet.defer import Deferred

from loopixmix.errors import ConfigError, PeerError
from loopixmix.web.calls import client_of
from stats.dashboard.rest import documents as doc
from stats.dashboard.rest.asking import (
    DashboardAwayError,
    DashboardSaysNoError,
    RemoteDashboard,
    dashboard_at,
    path_of,
)
from stats.dashboard.rest.lines import lines_of
from stats.dashboard.seams import ShownSurvey
from tests.worlds.stats_dashboard import fill
from tests.worlds.stats_programs import HOST, DashboardFaceWorld

T = TypeVar("T")


@pytest.fixture
def survey(face: DashboardFaceWorld) -> ShownSurvey:
    return fill(face.world)[0]


def remote(face: DashboardFaceWorld, token: str | None = None) -> RemoteDashboard:
    return RemoteDashboard(client_of(face.web.agent()), f"http://{HOST}", face.token() if token is None else token)


def waited(face: DashboardFaceWorld, work: Coroutine[Any, Any, T]) -> T:
    found: list[T] = []
    failed: list[BaseException] = []
    Deferred.fromCoroutine(work).addCallbacks(found.append, lambda failure: failed.append(failure.value))
    face.world.clock.pump([0.0] * 400)
    if failed:
        raise failed[0]
    return found[0]


def test_surveys_and_estimates_are_asked_and_shown(face: DashboardFaceWorld, survey: ShownSurvey) -> None:
    board = remote(face)
    listed = waited(face, board.get(path_of("surveys"), doc.SurveyList))
    assert any(line.startswith(survey.short_id) and "7,500" in line for line in lines_of(listed))
    one = waited(face, board.get(path_of("surveys", survey.short_id), doc.SurveyDocument))
    assert any(line.startswith("eps0 7.168 if all mixes work together; eps ") for line in lines_of(one))
    path = path_of("surveys", survey.short_id, "questions", "age", **{"from": 2, "to": None})
    question = waited(face, board.get(path, doc.QuestionDocument))
    shown = lines_of(question)
    assert shown[0].startswith("How old are you? 6,000 reports. 95 % intervals")
    assert any(line.startswith("mean ") for line in shown)
    assert shown[1].startswith("Raw shares")
    assert len(shown) == 2 + 7 + 1 + 5


def test_queries_questions_and_files_come_back(face: DashboardFaceWorld, survey: ShownSurvey) -> None:
    board = remote(face)
    sql = doc.QueryRequest(sql=f"SELECT count(*) AS n FROM {survey.tables[0].name}")
    rows = waited(face, board.post(path_of("surveys", survey.short_id, "query"), sql, doc.QueryAnswer))
    assert lines_of(rows) == ["n", "7500"]
    [clinic] = waited(face, board.get(path_of("data-sets"), doc.DataSetList)).data_sets
    asked = doc.AskRequest(sql=f"SELECT count(*) AS n FROM {clinic.name}")
    answer = waited(face, board.post(path_of("data-sets", clinic.name, "ask"), asked, doc.AskAnswer))
    assert lines_of(answer)[1].startswith("703 (")
    assert lines_of(answer)[-1] == "eps 0.100000 was spent. eps 1.900000 of 2.000000 is left"
    told = waited(face, board.get(path_of("data-sets", clinic.name), doc.DataSetDocument))
    assert "  age: number" in lines_of(told)
    order = doc.ExportRequest(part="estimates", format="csv")
    file = waited(face, board.file(path_of("surveys", survey.short_id, "export"), order))
    assert file.startswith(b"survey,open,question,")


def test_refusals_and_silence_are_errors_with_a_reason(face: DashboardFaceWorld, survey: ShownSurvey) -> None:
    with pytest.raises(DashboardSaysNoError, match="needs a bearer token"):
        waited(face, remote(face, "A" * 43).get(path_of("surveys"), doc.SurveyList))
    with pytest.raises(DashboardSaysNoError, match="there is no survey 'x'"):
        waited(face, remote(face).get(path_of("surveys", "x"), doc.SurveyDocument))
    with pytest.raises(DashboardSaysNoError, match="there is no such call"):
        waited(face, remote(face).get(path_of("surveys", "../data-sets"), doc.SurveyDocument))
    with pytest.raises(PeerError, match="makes no sense"):
        waited(face, remote(face).get(path_of("surveys"), doc.DataSetList))
    away = RemoteDashboard(client_of(face.web.agent()), "http://127.0.0.1:9", "x")
    with pytest.raises(DashboardAwayError, match="cannot be reached"):
        waited(face, away.get(path_of("surveys"), doc.SurveyList))


def test_a_token_stands_in_a_private_file_and_not_in_repr(face: DashboardFaceWorld, tmp_path: Path) -> None:
    file, http = tmp_path / "token", client_of(face.web.agent())
    file.write_text("marked-token\n")
    file.chmod(0o600)
    board = dashboard_at(http, "http://127.0.0.1:8430/", file)
    assert (board.url, board.token) == ("http://127.0.0.1:8430", "marked-token")
    assert "marked-token" not in repr(board)
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        dashboard_at(http, "http://127.0.0.1:8430", file)
    with pytest.raises(ConfigError, match="cannot be read"):
        dashboard_at(http, "http://127.0.0.1:8430", tmp_path / "none")
    for url in ("127.0.0.1:8430", "ftp://x", "http://x/path", "http://user@x"):
        with pytest.raises(ConfigError, match="is no address of a dashboard"):
            dashboard_at(http, url, file)


def test_nothing_that_a_dashboard_says_moves_the_terminal(face: DashboardFaceWorld) -> None:
    hostile = doc.QueryAnswer(columns=["a\x1b[2J"], rows=[["\x07b"]], complete=False)
    assert all(line.isprintable() for line in lines_of(hostile))
