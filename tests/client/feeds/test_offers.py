"""What is offered again, and when."""

from __future__ import annotations

from client.core.retry import CALLBACK_POLICY
from client.feeds.offers import LaterOffers


def test_it_is_offered_ever_later() -> None:
    offers, now_s, waits_s = LaterOffers(), 1000.0, []
    assert (offers.due(now_s), offers.wait_s(now_s)) == (None, None)
    for _ in range(12):
        offers.note_failure(7, now_s)
        assert offers.due(now_s) is None
        wait_s = offers.wait_s(now_s)
        assert wait_s is not None
        waits_s.append(wait_s)
        now_s += wait_s
        assert (offers.due(now_s), offers.wait_s(now_s)) == (7, 0.0)
    assert waits_s[:5] == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert waits_s[-1] == CALLBACK_POLICY.longest_s


def test_the_lowest_number_that_is_due_comes_first() -> None:
    offers = LaterOffers()
    offers.note_failure(5, 0.0)
    offers.note_failure(3, 0.5)
    assert offers.wait_s(0.5) == 0.5
    assert offers.due(1.2) == 5
    assert offers.due(1.5) == 3
    offers.forget(3)
    assert offers.due(1.5) == 5
    offers.forget(5)
    assert offers.wait_s(1.5) is None


def test_a_clock_that_is_set_back_holds_up_nothing() -> None:
    offers = LaterOffers()
    offers.note_failure(1, 10_000.0)
    assert offers.due(10.0) == 1
