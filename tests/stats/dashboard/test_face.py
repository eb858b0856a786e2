"""The pages behind their door, and the interface beside them."""

from __future__ import annotations

import pytest

from stats.analysts.rights import AnalystRight
from tests.worlds.stats_dashboard import DashboardWorld, fill
from tests.worlds.stats_programs import DashboardFaceWorld, body_of
from tests.worlds.web.memory_pages import FOLLOWED, OPENED, SENT, cookie_of


@pytest.fixture
def face(world: DashboardWorld) -> DashboardFaceWorld:
    return DashboardFaceWorld(world)


def cookie(face: DashboardFaceWorld, password: str) -> str:
    answer = face.ask("POST", "/enter", SENT, f"form-token=&name=ada&password={password}".encode())
    return cookie_of(answer)


def test_an_analyst_logs_in_and_sees_a_survey(face: DashboardFaceWorld) -> None:
    survey = fill(face.world)[0]
    password = face.world.book.add("ada", [AnalystRight.SEE])
    assert face.ask("GET", f"/survey/{survey.short_id}", OPENED).status == 303
    session = cookie(face, password)
    answer = face.ask("GET", f"/survey/{survey.short_id}", {**FOLLOWED, "Cookie": session})
    assert answer.status == 200
    assert b"How do you live?" in body_of(answer)
    assert b"content-security-policy: default-src 'none'; style-src 'self'" in answer.head
    face.world.book.change_password("ada")
    again = face.ask("GET", "/", {**FOLLOWED, "Cookie": session})
    assert again.status == 303
    assert b"location: /enter" in again.head


def test_nothing_is_shown_to_whoever_knows_no_password(face: DashboardFaceWorld) -> None:
    survey = fill(face.world)[0]
    face.world.book.add("ada", [AnalystRight.SEE])
    assert cookie(face, "abcd-efgh-jkmn-pqrs-tuvw") == ""
    for path in ("/", "/refusals", "/record", f"/survey/{survey.short_id}", f"/survey/{survey.short_id}/export"):
        for stolen in ("", f"session={'A' * 43}"):
            answer = face.ask("GET", path, {**OPENED, "Cookie": stolen} if stolen else OPENED)
            assert answer.status == 303
            assert b"Neighbourhood" not in answer.body


def test_another_host_name_and_another_site_reach_no_page(face: DashboardFaceWorld) -> None:
    password = face.world.book.add("ada", [AnalystRight.SEE])
    session = cookie(face, password)
    assert face.ask("GET", "/", {**FOLLOWED, "Cookie": session, "Host": "evil.example"}).status == 421
    foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert face.ask("GET", "/", {**foreign, "Cookie": session}).status == 403
