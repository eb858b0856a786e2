"""The interface for programs, spoken to in raw HTTP."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec
import pyarrow.parquet as pq
import pytest

from stats.analysts.rights import AnalystRight
from stats.dashboard.rest.bearer import CALLS_AT_ONCE, STRANGERS_AT_ONCE
from stats.dashboard.rest.calls import CALLS, ApiCall
from stats.dashboard.seams import ShownSurvey
from tests.worlds.stats_dashboard import dashboard_world, fill
from tests.worlds.stats_programs import DashboardFaceWorld, body_of, told
from tests.worlds.web.memory_pages import cookie_of

TownCalls: TypeAlias = "tuple[DashboardFaceWorld, ShownSurvey, str]"

BODIES: dict[str, Any] = {
    "query": {"sql": "SELECT period, count(*) AS n FROM {table} GROUP BY period ORDER BY period"},
    "export": {"part": "estimates", "format": "csv"},
    "ask": {"sql": "SELECT count(*) AS n FROM {data_set}", "eps": "0.1"},
}


@pytest.fixture
def survey(face: DashboardFaceWorld) -> ShownSurvey:
    return fill(face.world)[0]


@pytest.fixture(scope="module")
def town() -> Iterator[TownCalls]:
    """A town that is only looked at, by few calls, with a token."""
    for world in dashboard_world():
        face = DashboardFaceWorld(world)
        yield face, fill(world)[0], face.token()


def data_set(face: DashboardFaceWorld) -> str:
    return face.world.data_sets.all()[0].name


def address(call: ApiCall, survey: ShownSurvey, face: DashboardFaceWorld) -> str:
    path = call.path.format(survey=survey.short_id, question="home", data_set=data_set(face))
    return f"{path}?rows=home&columns=wish" if call.name == "cross" else path


def body(call: ApiCall, survey: ShownSurvey, face: DashboardFaceWorld) -> Any:
    given, names = BODIES.get(call.name), {"table": survey.tables[0].name, "data_set": data_set(face)}
    return {name: text.format(**names) for name, text in given.items()} if given else None


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_each_call_answers_with_what_its_description_says(town: TownCalls, call: ApiCall) -> None:
    face, survey, token = town
    answer = face.call(address(call, survey, face), token, body(call, survey, face))
    assert answer.status == 200, answer.body
    assert b"cache-control: no-store" in answer.head
    if call.gives is not None:
        # Strictly: a field too many or too few is an error.
        decoded = msgspec.json.decode(body_of(answer), type=call.gives)
        assert msgspec.json.encode(decoded) == body_of(answer)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_no_call_is_carried_out_for_a_stranger(town: TownCalls, call: ApiCall) -> None:
    face, survey, token = town
    face.world.clock.advance(60)
    for headers in ({}, {"Authorization": "Bearer " + "A" * 43}, {"Authorization": f"Basic {token}"}):
        answer = face.ask(call.method, address(call, survey, face), headers, b"{}" if call.takes else b"")
        assert answer.status == 401
        assert b"www-authenticate: bearer" in answer.head
        assert b"Rented" not in answer.body


def test_a_session_of_a_browser_counts_nothing_here(face: DashboardFaceWorld) -> None:
    password = face.world.book.add("bob", list(AnalystRight))
    sent = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
    entered = face.ask("POST", "/enter", sent, f"form-token=&name=bob&password={password}".encode())
    assert entered.status == 303
    session = {"Cookie": cookie_of(entered)}
    assert face.ask("GET", "/", {**session, "Sec-Fetch-Site": "same-origin"}).status == 200
    assert face.ask("GET", "/v1/surveys", session).status == 401


def test_everybody_may_read_the_description(face: DashboardFaceWorld) -> None:
    answer = face.ask("GET", "/v1/openapi.json")
    assert answer.status == 200
    assert told(answer)["openapi"] == "3.1.0"


def test_rights_are_those_of_the_analyst_as_they_are_now(face: DashboardFaceWorld, survey: ShownSurvey) -> None:
    token = face.token()
    export = f"/v1/surveys/{survey.short_id}/export"
    face.world.book.change_rights("ada", [AnalystRight.SEE])
    answer = face.call(export, token, BODIES["export"])
    assert (answer.status, told(answer)) == (403, {"error": "ada does not have the right to export"})
    assert face.world.book.deeds(1) == []
    assert face.call("/v1/surveys", token).status == 200
    face.world.book.change_rights("ada", [AnalystRight.EXPORT])
    assert face.call("/v1/surveys", token).status == 403
    face.world.book.remove("ada")
    assert face.call("/v1/surveys", token).status == 401


def test_estimates_are_raw_and_hidden_ones_are_left_out(face: DashboardFaceWorld, survey: ShownSurvey) -> None:
    found = told(face.call(f"/v1/surveys/{survey.short_id}/questions/home?from=2&to=3", face.token()))
    assert found["reports"] == 3000
    assert found["noise"] == "95 % intervals: sampling noise and privacy noise together"
    hidden = [value for value in found["values"] if value["hidden"]]
    assert len(hidden) >= 2
    assert all(value[name] is None for value in hidden for name in ("raw_share", "raw_people", "share", "raw_low"))
    first = found["values"][0]
    assert first["raw_low"] < first["raw_share"] < first["raw_high"]


def test_a_query_tells_whether_it_is_complete(face: DashboardFaceWorld, survey: ShownSurvey) -> None:
    query, table = f"/v1/surveys/{survey.short_id}/query", survey.tables[0].name
    few = told(face.call(query, face.token(), {"sql": f"SELECT count(*) AS n FROM {table}"}))
    assert few == {"columns": ["n"], "rows": [[7500]], "complete": True}
    many = told(face.call(query, face.token(), {"sql": f"SELECT home FROM {table}"}))
    assert (len(many["rows"]), many["complete"]) == (1000, False)


def test_a_file_is_given_and_recorded(face: DashboardFaceWorld, survey: ShownSurvey) -> None:
    asked = {"part": "reports", "format": "parquet", "first_batch": 1, "last_batch": 2}
    answer = face.call(f"/v1/surveys/{survey.short_id}/export", face.token(), asked)
    assert b'content-disposition: attachment; filename="' in answer.head
    assert pq.read_table(io.BytesIO(body_of(answer))).num_rows == 3000
    [deed] = told(face.call("/v1/record", face.token()))["record"]
    assert (deed["analyst"], deed["kind"], deed["amount"]) == ("ada", "export", "3000 rows")


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        ("/v1/surveys/0000000000000000", None, 404),
        ("/v1/surveys/{id}/questions/age?from=9", None, 400),
        ("/v1/surveys/{id}/questions/age?form=1", None, 400),
        ("/v1/surveys/{id}/questions/age?from=1&from=2", None, 400),
        ("/v1/surveys/{id}/questions/batch", None, 404),
        ("/v1/surveys/{id}/cross", None, 400),
        ("/v1/surveys/{id}/cross?rows=home&columns=home", None, 400),
        ("/v1/surveys/{id}/query", {"sql": "SELECT 1; SELECT 2"}, 400),
        ("/v1/surveys/{id}/query", {"sql": "SELECT * FROM analysts"}, 400),
        ("/v1/surveys/{id}/query", {"sql": ""}, 400),
        ("/v1/surveys/{id}/query", {"sql": "x" * 4001}, 400),
        ("/v1/surveys/{id}/query", {"sql": "SELECT 1", "more": 1}, 400),
        ("/v1/surveys/{id}/query", [], 400),
        ("/v1/surveys/{id}/export", {"part": "all", "format": "csv"}, 400),
        ("/v1/surveys/{id}/export", {"part": "reports", "format": "csv", "sheet": 9}, 400),
        ("/v1/surveys/{id}/export", {"part": "reports", "format": "csv", "first_batch": -1}, 400),
        ("/v1/nothing", None, 404),
        ("/v1", None, 404),
        ("/v1/surveys", {}, 405),
    ],
)
def test_a_call_that_is_wrong_is_told_why_in_one_line(town: TownCalls, path: str, asked: Any, status: int) -> None:
    face, survey, token = town
    answer = face.call(path.format(id=survey.short_id), token, asked)
    assert answer.status == status
    error = told(answer)["error"]
    assert error
    assert "Traceback" not in error
    assert "\n" not in error


def test_strangers_and_busy_programs_are_slowed_down(face: DashboardFaceWorld) -> None:
    tried = [face.call("/v1/surveys", "A" * 43).status for _ in range(int(STRANGERS_AT_ONCE) + 3)]
    assert tried == [401] * int(STRANGERS_AT_ONCE) + [429] * 3
    token = face.token()
    called = [face.call("/v1/refusals", token).status for _ in range(int(CALLS_AT_ONCE) + 3)]
    assert called == [200] * int(CALLS_AT_ONCE) + [429] * 3
    face.world.clock.advance(10)
    assert face.call("/v1/refusals", token).status == 200


def test_a_body_that_is_too_long_is_refused(face: DashboardFaceWorld, survey: ShownSurvey) -> None:
    headers = {"Authorization": f"Bearer {face.token()}", "Content-Type": "application/json"}
    assert face.ask("POST", f"/v1/surveys/{survey.short_id}/query", headers, b" " * 20_000).status == 400
    assert face.ask("POST", f"/v1/surveys/{survey.short_id}/query", headers, b" " * 2_000_000).status == 413


def test_a_data_set_is_asked_until_its_budget_is_spent(face: DashboardFaceWorld, survey: ShownSurvey) -> None:
    name, token = data_set(face), face.token()
    asked = {"sql": f"SELECT home, count(*) AS n FROM {name} GROUP BY home", "eps": "1.5"}
    answer = told(face.call(f"/v1/data-sets/{name}/ask", token, asked))
    assert (answer["groups"], answer["measures"], answer["eps"]) == (["home"], ["n"], "1.5")
    assert answer["budget"]["eps_left"] == "0.500000"
    first = answer["rows"][0]["values"][0]
    assert first["low"] < first["value"] < first["high"]
    refused = face.call(f"/v1/data-sets/{name}/ask", token, asked)
    assert refused.status == 400
    assert "are left" in told(refused)["error"]
    [spent] = told(face.call(f"/v1/data-sets/{name}", token))["spendings"]
    assert (spent["analyst"], spent["eps"]) == ("ada", "1.5")


def test_who_may_not_spend_asks_nothing(face: DashboardFaceWorld, survey: ShownSurvey) -> None:
    name, token = data_set(face), face.token()
    face.world.book.change_rights("ada", [AnalystRight.SEE, AnalystRight.EXPORT])
    answer = face.call(f"/v1/data-sets/{name}/ask", token, {"sql": f"SELECT count(*) FROM {name}"})
    assert answer.status == 403
    assert face.world.data_sets.spendings(name, 9) == []
    for sql in (f"SELECT * FROM {name}", "SELECT count(*) FROM nothing"):
        face.world.book.change_rights("ada", list(AnalystRight))
        assert face.call(f"/v1/data-sets/{name}/ask", token, {"sql": sql}).status == 400
