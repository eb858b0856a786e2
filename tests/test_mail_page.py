"""docs/mail.md shows a provider what rates cost and give: the answers of the planner and of the client's estimate."""

from __future__ import annotations

import pytest

from tests.worlds.simulations.mail_page import HEAD, LATENCIES_S, PAGE, command_for, row_of, table_on
from tests.worlds.simulations.planning_page import answers, printed

TEXT = PAGE.read_text(encoding="utf-8")
ROWS = table_on(TEXT).removeprefix(HEAD).splitlines(keepends=True)
REMEDY = "run python -m tests.worlds.simulations.mail_page"


def test_the_table_has_a_row_for_each_choice() -> None:
    assert table_on(TEXT).startswith(HEAD)
    assert len(ROWS) == len(LATENCIES_S) >= 4


def test_the_cheapest_row_is_what_planner_and_estimate_say() -> None:
    assert row_of(LATENCIES_S[0]) == ROWS[0], REMEDY


@pytest.mark.long
@pytest.mark.parametrize(("latency_s", "row"), list(zip(LATENCIES_S, ROWS, strict=True))[1:], ids=str)
def test_the_other_rows_too(latency_s: float, row: str) -> None:
    assert row_of(latency_s) == row, REMEDY


def test_the_command_prints_what_the_page_shows() -> None:
    [(command, shown)] = answers(TEXT)
    assert command == command_for(LATENCIES_S[0])
    assert printed(command) == shown, REMEDY
