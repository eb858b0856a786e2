"""Shares, and names of winners."""

from __future__ import annotations

import pytest

from votes.tally.outcomes import Elected, Winners, share, vote_table


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (0, 0, "0.0 %"),
        (0, 7, "0.0 %"),
        (1, 3, "33.3 %"),
        (2, 3, "66.7 %"),
        (1, 2000, "0.1 %"),
        (1, 2001, "0.0 %"),
        (7, 7, "100.0 %"),
        (9, 7, "128.6 %"),
    ],
)
def test_shares_have_one_decimal_and_halves_are_rounded_up(part: int, whole: int, shown: str) -> None:
    assert share(part, whole) == shown


def test_winners_have_names() -> None:
    elected = Elected((2, 0), (1, 3), 1)
    assert elected.named("abcd") == Winners(("c", "a"), ("b", "d"), 1)
    assert elected.named("abcd", "wxyz") == Winners(("c", "a"), ("x", "z"), 1)


def test_a_table_of_votes_has_shares_of_all_ballots() -> None:
    table = vote_table("Votes", "option", ["a", "b"], [3, 2], 4)
    assert [(row.name, row.figures) for row in table.rows] == [("a", (3, "75.0 %")), ("b", (2, "50.0 %"))]
    assert (table.columns, table.charted) == (("option", "ballots", "share"), 0)
