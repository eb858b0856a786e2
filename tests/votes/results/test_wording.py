"""A result in words."""

from __future__ import annotations

import msgspec
import pytest

from votes.record.polls import METHODS
from votes.results.documents import ResultOfPoll
from votes.results.wording import (
    METHODS_IN_WORDS,
    ballots_in_words,
    figure_in_words,
    verdict,
    visible,
)

POLL = ResultOfPoll(
    id="p",
    method="most-votes",
    ballots=7,
    blank=0,
    invalid=0,
    winners=(),
    tied=(),
    open_seats=0,
    notes=(),
    tables=(),
    choices=(),
)


def test_every_method_has_a_sentence() -> None:
    assert set(METHODS_IN_WORDS) == {method for methods in METHODS.values() for method in methods}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"winners": ("Ada", "Ben")}, "Elected: Ada, Ben."),
        (
            {"winners": ("Ada",), "tied": ("Ben", "Cleo"), "open_seats": 1},
            "Elected: Ada. Equal: Ben, Cleo; one seat stays open.",
        ),
        ({"tied": ("Ben", "Cleo", "Dora"), "open_seats": 2}, "Equal: Ben, Cleo, Dora; 2 seats stay open."),
        ({}, "Nobody was elected."),
        ({"method": "majority", "winners": ("No",)}, "The answer is No."),
        ({"method": "majority", "tied": ("Yes", "No"), "open_seats": 1}, "Equal: Yes, No; nothing is decided."),
        ({"method": "counts"}, None),
        ({"winners": ("A\u202eda",)}, "Elected: A\ufffdda."),
    ],
)
def test_a_sentence_says_who_won(fields: dict[str, object], sentence: str | None) -> None:
    assert verdict(msgspec.structs.replace(POLL, **fields)) == sentence


@pytest.mark.parametrize(
    ("ballots", "blank", "invalid", "voters", "sentence"),
    [
        (7, 0, 0, 0, "7 ballots."),
        (1, 0, 0, 0, "1 ballot."),
        (1234, 5, 2, 2000, "1,234 ballots of 2,000 voters (61.7 %), 5 blank, 2 invalid."),
    ],
)
def test_ballots_are_told(ballots: int, blank: int, invalid: int, voters: int, sentence: str) -> None:
    poll = msgspec.structs.replace(POLL, ballots=ballots, blank=blank, invalid=invalid)
    assert ballots_in_words(poll, voters) == sentence


@pytest.mark.parametrize(
    ("figure", "shown"),
    [
        (1234567, "1,234,567"),
        ("1234.56789", "1,234.56"),
        ("0.5", "0.5"),
        ("12.5 %", "12.5 %"),
        ("", ""),
        ("-", "-"),
        ("a.bcd", "a.bcd"),
    ],
)
def test_figures_are_cut_after_two_decimals(figure: int | str, shown: str) -> None:
    assert figure_in_words(figure) == shown


def test_characters_that_are_not_seen_are_marked() -> None:
    assert visible("a\0b\u200bc\u202ed\ue000e") == "a\ufffdb\ufffdc\ufffdd\ufffde"
    assert visible("Ää 日本 ✓") == "Ää 日本 ✓"
