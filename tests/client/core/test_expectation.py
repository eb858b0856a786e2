from __future__ import annotations

from client.core.expectation import Expectations, Expected
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
