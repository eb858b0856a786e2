from __future__ import annotations

from typing import get_args

from tests.worlds.polling import EVERY_KIND
from votes.record.polls import METHODS, Poll, options_of


def test_each_kind_of_poll_has_a_way_to_be_counted_and_one_without_a_winner() -> None:
    assert set(METHODS) == set(get_args(Poll)) == {type(poll) for poll in EVERY_KIND}
    assert all("counts" in methods for methods in METHODS.values())


def test_only_a_text_has_no_options() -> None:
    assert [len(options_of(poll)) > 0 for poll in EVERY_KIND] == [True] * 6 + [False]
