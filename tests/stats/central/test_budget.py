"""The budget is spent before anything is answered, once, and for good."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal as Digits
from pathlib import Path

import pytest

from loopixmix.errors import MisuseError
from loopixmix.store.transactions import Store
from stats.central import budget
from stats.central.budget import DataSetSpentError, DataSpending, PrivacyBudgets
from stats.central.schema import SCHEMA
from tests.worlds.databases import SQLITE_AND_POSTGRES, new_database
from tests.worlds.stats.data_sets import TERMS, open_budgets


def spending(eps: str, delta: str = "0", name: str = "people") -> DataSpending:
    return DataSpending(name, 5, "eva", "SELECT count(*) FROM people", Digits(eps), Digits(delta))


@pytest.fixture(params=SQLITE_AND_POSTGRES)
def budgets(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PrivacyBudgets]:
    opened = PrivacyBudgets(Store(SCHEMA, new_database(request.param, tmp_path)), lambda: 5.0)
    opened.declare("people", TERMS)
    yield opened
    opened.close()


def test_a_budget_is_spent_to_the_last_and_no_further(budgets: PrivacyBudgets) -> None:
    for place in range(1, 101):
        assert budgets.charge(spending("0.1")).eps == Digits(10) - Digits("0.1") * place
    with pytest.raises(DataSetSpentError, match="eps 0"):
        budgets.charge(spending("0.001"))
    assert budgets.left("people").eps == 0
    assert len(budgets.spendings("people", 1_000)) == 100


def test_delta_is_a_budget_too(budgets: PrivacyBudgets) -> None:
    budgets.charge(spending("0.1", "0.0009"))
    with pytest.raises(DataSetSpentError, match=r"delta 0\.0001"):
        budgets.charge(spending("0.1", "0.0002"))
    assert budgets.charge(spending("0.1", "0.0001")).delta == 0


def test_a_refused_question_costs_nothing(budgets: PrivacyBudgets) -> None:
    with pytest.raises(DataSetSpentError):
        budgets.charge(spending("10.000001"))
    assert budgets.left("people").eps == 10
    assert budgets.spendings("people", 10) == []


def test_side_by_side_no_more_is_spent_than_there_is(budgets: PrivacyBudgets) -> None:
    def ask(_: int) -> bool:
        try:
            budgets.charge(spending("1.5"))
        except DataSetSpentError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(24))) == 6
    assert budgets.left("people").eps == 1


def test_what_was_spent_is_recorded_the_newest_first(budgets: PrivacyBudgets) -> None:
    budgets.charge(spending("0.5"))
    budgets.charge(spending("0.25", "0.000001"))
    assert [(each.analyst, each.eps, each.delta) for each in budgets.spendings("people", 10)] == [
        ("eva", Digits("0.25"), Digits("0.000001")),
        ("eva", Digits("0.5"), Digits(0)),
    ]
    assert budgets.spendings("people", 1)[0].question == "SELECT count(*) FROM people"


def test_a_name_has_one_budget_for_ever(budgets: PrivacyBudgets) -> None:
    budgets.charge(spending("10"))
    with pytest.raises(MisuseError, match="already"):
        budgets.declare("people", TERMS)
    assert budgets.left("people").eps == 0


def test_each_data_set_has_its_own(budgets: PrivacyBudgets) -> None:
    budgets.declare("others", TERMS)
    budgets.charge(spending("3"))
    assert (budgets.left("people").eps, budgets.left("others").eps) == (7, 10)
    assert budgets.names() == ["others", "people"]


def test_what_is_no_amount_or_name_is_refused(budgets: PrivacyBudgets, monkeypatch: pytest.MonkeyPatch) -> None:
    for bad in ("-1", "0.0000001", "0.0009", "0"):
        with pytest.raises(MisuseError):
            budgets.charge(spending(bad))
    for name in ("", "People", "x" * 33, "a b", "../x"):
        with pytest.raises(MisuseError, match="name"):
            budgets.declare(name, TERMS)
    with pytest.raises(MisuseError, match="no data set"):
        budgets.charge(spending("1", name="nothing"))
    monkeypatch.setattr(budget, "MOST_DATA_SETS", 1)
    with pytest.raises(MisuseError, match="already"):
        budgets.declare("others", TERMS)


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    first = open_budgets(tmp_path)
    first.declare("people", TERMS)
    first.charge(spending("9.5"))
    first.close()
    second = open_budgets(tmp_path)
    assert second.terms("people") == TERMS
    with pytest.raises(DataSetSpentError):
        second.charge(spending("0.6"))
    second.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.worlds.stats.data_sets import NoNoise, people_data

class KilledNoise:
    def add(self, numbers, scale):
        os.kill(os.getpid(), signal.SIGKILL)

people_data(Path(sys.argv[1]), KilledNoise()).ask("people", "SELECT count(*) FROM people", "eva", "9.5")
"""


def test_who_is_killed_before_the_answer_has_spent(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    again = open_budgets(tmp_path)
    assert again.left("people").eps == Digits("0.5")
    again.close()
