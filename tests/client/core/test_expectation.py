from __future__ import annotations

import pytest

from client.core.erlang import exceedance, quantile_s
from client.core.expectation import Expectations, Expected, RetryPolicy, round_trip_policy
from loopixmix.errors import MisuseError
from loopixmix.params import NetworkParams
from loopixmix.sphinx import SurbKeys

KEYS = SurbKeys(bytes(16), (bytes(16),))


def expectations(capacity: int = 10) -> Expectations[str]:
    return Expectations(capacity=capacity)


def expect(book: Expectations[str], name: str, deadline_s: float) -> None:
    book.expect(name.encode(), Expected(name, KEYS, 0.0), deadline_s)


def test_what_comes_back_in_time_is_not_overdue() -> None:
    book = expectations()
    expect(book, "a", 5.0)
    expect(book, "b", 6.0)
    found = book.find(b"a")
    assert found is not None
    assert found.subject == "a"
    book.settle(b"a")
    assert book.find(b"a") is None
    assert book.overdue(5.9) == []
    assert book.overdue(6.0) == ["b"]


def test_a_late_answer_is_still_known_and_overdue_only_once() -> None:
    book = expectations()
    expect(book, "a", 5.0)
    assert book.overdue(7.0) == ["a"]
    assert book.overdue(8.0) == []
    assert book.find(b"a") is not None


def test_the_oldest_are_forgotten_first() -> None:
    book = expectations(capacity=2)
    for name in "abc":
        expect(book, name, 5.0)
    assert len(book) == 2
    assert book.find(b"a") is None


def test_what_was_forgotten_is_overdue_all_the_same() -> None:
    """Else a fragment whose block was forgotten would never be sent again."""
    book = expectations(capacity=2)
    for name in "abc":
        expect(book, name, 5.0)
    assert book.overdue(4.9) == []
    assert book.overdue(5.0) == ["a", "b", "c"]
    assert book.overdue(6.0) == []


def test_nothing_is_overdue_for_the_time_without_a_link() -> None:
    book = expectations()
    expect(book, "a", 5.0)
    expect(book, "b", 50.0)
    book.postpone(20.0)
    assert book.overdue(19.0) == []
    assert book.overdue(20.0) == ["a"]
    assert book.overdue(50.0) == ["b"]


def test_the_wait_doubles_up_to_a_limit_with_jitter() -> None:
    policy = RetryPolicy(first_s=4.0, longest_s=20.0)
    assert [policy.timeout_s(attempt, 0.0) for attempt in (1, 2, 3, 4, 10_000)] == [4.0, 8.0, 16.0, 20.0, 20.0]
    assert policy.timeout_s(1, 1.0) == 6.0
    assert RetryPolicy(first_s=40.0, longest_s=20.0).timeout_s(3, 0.0) == 40.0


def test_the_first_wait_covers_the_delays_and_two_pulls() -> None:
    params = NetworkParams(delay_mean_s=0.5, pull_rate_per_s=0.25, layers=3)
    policy = round_trip_policy(params, longest_s=3600)
    assert exceedance(8, 0.5, policy.first_s - 2 - 8) == pytest.approx(1e-4, rel=1e-6)


@pytest.mark.parametrize(
    ("shape", "time", "probability"),
    # Tables of the chi-squared distribution with 2 * shape degrees of freedom: P(X > 2 t).
    [(1, 2.3025850929940455, 0.1), (5, 18.307038 / 2, 0.05), (8, 31.999927 / 2, 0.01), (10, 45.314747 / 2, 0.001)],
)
def test_the_gamma_distribution_agrees_with_tables(shape: int, time: float, probability: float) -> None:
    assert exceedance(shape, 1.0, time) == pytest.approx(probability, rel=1e-5)
    assert quantile_s(shape, 3.0, probability) == pytest.approx(3 * time, rel=1e-6)


def test_the_gamma_distribution_at_its_edges() -> None:
    assert exceedance(3, 1.0, 0.0) == 1.0
    assert exceedance(3, 1.0, -1.0) == 1.0
    assert exceedance(3, 1.0, 1e4) == 0.0
    for shape, mean_s in ((0, 1.0), (1, 0.0)):
        with pytest.raises(MisuseError):
            exceedance(shape, mean_s, 1.0)
    for probability in (0.0, 1.0):
        with pytest.raises(MisuseError):
            quantile_s(1, 1.0, probability)
