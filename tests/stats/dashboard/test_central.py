"""Pages of data sets with central noise: what they show, and that each form is paid for once."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from loopixmix.errors import MisuseError
from loopixmix.web.visiting.answers import SeeOther, Shown
from stats.analysts.rights import AnalystRight
from stats.dashboard.record import newest_deeds
from stats.questionnaire.questionnaire import Mode, PrivacyGoal
from tests.worlds.stats_dashboard import AGE, HOME, DashboardWorld, answered, drafted, frozen, html

SEE, EXPORT, SPEND = AnalystRight


@pytest.fixture
def name(world: DashboardWorld) -> str:
    goal = PrivacyGoal(eps="2", mode=Mode.CENTRAL)
    return world.add(frozen(drafted("clinic", [AGE, HOME], privacy=goal)), 700).tables[0].name


def ticket_of(page: str) -> str:
    found = re.search(r'name="ticket" value="([0-9a-f]{32})"', page)
    assert found is not None
    return found[1]


def show(world: DashboardWorld, name: str, **query: str) -> str:
    return html(answered(world.pages.data_set(world.visit(query), name)))


def form(world: DashboardWorld, name: str, sql: str, eps: str = "0.5") -> dict[str, str]:
    return {"ticket": ticket_of(show(world, name)), "sql": sql, "eps": eps}


def left(world: DashboardWorld, name: str) -> Decimal:
    return world.data_sets.find(name).left.eps


def test_a_data_set_is_listed_with_its_budget_and_without_its_rows(world: DashboardWorld, name: str) -> None:
    listed = html(answered(world.pages.data_sets(world.visit())))
    assert name in listed
    assert "Clinic" in listed
    found = show(world, name)
    assert "All answers together give away at most the whole budget" in found
    assert "a number from 21 to 95" in found
    assert "700" not in listed + found


def test_a_question_is_answered_with_an_interval_and_its_price(world: DashboardWorld, name: str) -> None:
    asked = form(world, name, f"SELECT count(*) AS n\r\nFROM {name}")
    answer = answered(world.pages.data_set(world.visit(form=asked), name))
    assert answer == SeeOther(f"/data/{name}?answer={asked['ticket']}")
    found = show(world, name, answer=asked["ticket"])
    # The noise of this test adds 3 to everything.
    assert re.search(r"703 \(6[0-9.]+ to 7[0-9.]+\)", found)
    assert "This answer cost eps 0.5; eps 1.5 of 2 was left then." in found
    assert "privacy noise alone" in found
    assert re.search(r"ada</td><td[^>]*>0.5</td>", found)
    assert left(world, name) == Decimal("1.5")


def test_a_form_that_is_sent_twice_is_paid_for_once(world: DashboardWorld, name: str) -> None:
    asked = form(world, name, f"SELECT count(*) FROM {name}")
    first, second = (answered(world.pages.data_set(world.visit(form=asked), name)) for _ in range(2))
    assert first == second
    assert left(world, name) == Decimal("1.5")
    for _ in range(3):
        show(world, name, answer=asked["ticket"])
    assert left(world, name) == Decimal("1.5")


def test_when_the_budget_is_spent_nothing_is_answered(world: DashboardWorld, name: str) -> None:
    assert isinstance(
        answered(world.pages.data_set(world.visit(form=form(world, name, f"SELECT count(*) FROM {name}", "2")), name)),
        SeeOther,
    )
    refused = answered(world.pages.data_set(world.visit(form=form(world, name, f"SELECT count(*) FROM {name}")), name))
    assert isinstance(refused, Shown)
    assert refused.status == 422
    assert "but eps 0.000000" in html(refused)
    assert "What is left does not suffice" in show(world, name)


@pytest.mark.parametrize("sql", ["SELECT * FROM {name}", "SELECT age FROM {name}", "nonsense", ""])
def test_a_question_that_is_not_answered_costs_nothing_and_comes_back(
    world: DashboardWorld, name: str, sql: str
) -> None:
    asked = form(world, name, sql.format(name=name))
    answer = answered(world.pages.data_set(world.visit(form=asked), name))
    assert isinstance(answer, Shown)
    assert answer.status == 422
    page = html(answer)
    assert 'role="alert"' in page
    assert ticket_of(page) != asked["ticket"]
    assert left(world, name) == Decimal(2)


def test_who_may_only_look_has_no_form_and_spends_nothing(world: DashboardWorld, name: str) -> None:
    asked = form(world, name, f"SELECT count(*) FROM {name}")
    reader = world.holder("bob", [SEE, EXPORT])
    page = html(answered(world.pages.data_set(world.visit(holder=reader), name)))
    assert "You do not have the right to spend budget" in page
    assert "ticket" not in page
    answer = answered(world.pages.data_set(world.visit(form=asked, holder=reader), name))
    assert isinstance(answer, Shown)
    assert answer.status == 403
    assert left(world, name) == Decimal(2)


def test_an_answer_is_for_the_session_that_paid(world: DashboardWorld, name: str) -> None:
    asked = form(world, name, f"SELECT count(*) FROM {name}")
    answered(world.pages.data_set(world.visit(form=asked), name))
    other = world.holder("eve", [SEE, SPEND])
    page = html(answered(world.pages.data_set(world.visit({"answer": asked["ticket"]}, holder=other), name)))
    assert "703" not in page
    assert "This answer is not kept any more." in page
    with pytest.raises(MisuseError, match="another session"):
        answered(world.pages.data_set(world.visit(form=asked, holder=other), name))


def test_a_data_set_that_is_not_there_is_told(world: DashboardWorld, name: str) -> None:
    with pytest.raises(MisuseError):
        show(world, "nothing")


def test_a_spending_stands_in_the_record_beside_exports(world: DashboardWorld, name: str) -> None:
    survey = world.add(frozen(drafted("a", [HOME])), 600)
    answered(world.pages.data_set(world.visit(form=form(world, name, f"SELECT count(*) FROM {name}")), name))
    world.clock.advance(60)
    order = {"part": "estimates", "format": "csv", "first": "", "last": ""}
    answered(world.pages.export(world.visit(form=order), survey.short_id))
    found = [(deed.kind, deed.amount) for deed in newest_deeds(world.book, world.data_sets, 9)]
    assert found == [("export", "5 rows"), ("spend", "eps 0.5")]
    assert newest_deeds(world.book, world.data_sets, 1)[0].kind == "export"
    page = html(answered(world.pages.record(world.visit())))
    assert f"{name}: SELECT count(*) FROM {name}" in page
