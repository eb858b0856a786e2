from __future__ import annotations

from dataclasses import dataclass, field

from client.core.expectation import Expectations, Expected
from loopixmix.params import NetworkParams
from loopixmix.sphinx import Geometry, Sphinx, SurbKeys, load_arithmetic

KEYS = SurbKeys(bytes(16), (bytes(16),))
SPHINX = Sphinx(Geometry.for_network(NetworkParams()), load_arithmetic())


@dataclass
class Noted:
    """A purpose that notes what it is told."""

    name: str
    is_answer: bool = True
    answers: list[tuple[bytes, float]] = field(default_factory=list)

    def on_answer(self, payload: bytes, now_s: float) -> bool:
        self.answers.append((payload, now_s))
        return self.is_answer

    def on_overdue(self, now_s: float) -> None:
        raise AssertionError(self.name)


def expectations(capacity: int = 10) -> Expectations:
    return Expectations(capacity=capacity)


def expect(book: Expectations, name: str, deadline_s: float) -> None:
    book.expect(name.encode(), Expected(Noted(name), KEYS), deadline_s)


def overdue(book: Expectations, now_s: float) -> list[str]:
    purposes = book.overdue(now_s)
    assert all(isinstance(purpose, Noted) for purpose in purposes)
    return [purpose.name for purpose in purposes if isinstance(purpose, Noted)]


def test_what_comes_back_in_time_is_not_overdue() -> None:
    book = expectations()
    expect(book, "a", 5.0)
    expect(book, "b", 6.0)
    found = book.find(b"a")
    assert found is not None
    assert found.purpose == Noted("a")
    book.settle(b"a")
    assert book.find(b"a") is None
    assert overdue(book, 5.9) == []
    assert overdue(book, 6.0) == ["b"]


def test_a_late_answer_is_still_known_and_overdue_only_once() -> None:
    book = expectations()
    expect(book, "a", 5.0)
    assert overdue(book, 7.0) == ["a"]
    assert overdue(book, 8.0) == []
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
    assert overdue(book, 4.9) == []
    assert overdue(book, 5.0) == ["a", "b", "c"]
    assert overdue(book, 6.0) == []


def test_nothing_is_overdue_for_the_time_without_a_link() -> None:
    book = expectations()
    expect(book, "a", 5.0)
    expect(book, "b", 50.0)
    book.postpone(20.0)
    assert overdue(book, 19.0) == []
    assert overdue(book, 20.0) == ["a"]
    assert overdue(book, 50.0) == ["b"]


def test_an_answer_goes_to_what_its_block_was_for_and_settles_it() -> None:
    book = expectations()
    for_a, for_b = Noted("a"), Noted("b")
    book.expect(b"a", Expected(for_a, None), 5.0)
    book.expect(b"b", Expected(for_b, None), 5.0)
    assert book.take(b"b", b"body", sphinx=SPHINX, now_s=3.0)
    assert (for_a.answers, for_b.answers) == ([], [(b"", 3.0)])
    assert book.find(b"b") is None
    assert overdue(book, 5.0) == ["a"]


def test_what_is_no_answer_after_all_is_still_waited_for() -> None:
    book = expectations()
    book.expect(b"a", Expected(Noted("a", is_answer=False), None), 5.0)
    assert book.take(b"a", b"body", sphinx=SPHINX, now_s=3.0)
    assert overdue(book, 5.0) == ["a"]


def test_an_answer_that_was_altered_is_nobodys_and_still_waited_for() -> None:
    book, purpose = expectations(), Noted("a")
    book.expect(b"a", Expected(purpose, KEYS), 5.0)
    assert book.take(b"a", bytes(SPHINX.geometry.body_bytes), sphinx=SPHINX, now_s=3.0)
    assert purpose.answers == []
    assert overdue(book, 5.0) == ["a"]


def test_a_block_that_is_not_known_is_left_to_others() -> None:
    assert not expectations().take(b"a", b"body", sphinx=SPHINX, now_s=3.0)


def test_what_has_no_deadline_is_never_overdue() -> None:
    book = expectations()
    book.expect(b"a", Expected(Noted("a"), None), None)
    assert overdue(book, 1e12) == []
    assert book.take(b"a", b"body", sphinx=SPHINX, now_s=3.0)


def test_deadlines_follow_a_clock_that_is_set() -> None:
    book = expectations()
    expect(book, "b", 50.0)
    expect(book, "a", 40.0)
    book.shift(-30.0)
    assert overdue(book, 9.0) == []
    assert overdue(book, 10.0) == ["a"]
    assert overdue(book, 20.0) == ["b"]


def test_a_word_that_is_awaited_anew_has_its_last_deadline_only() -> None:
    book, word = expectations(), Noted("word")
    book.await_word(b"word", word, 5.0)
    book.await_word(b"word", word, 9.0)
    assert book.overdue(8.9) == []
    book.await_word(b"word", word, 7.0)
    assert book.overdue(7.0) == [word]
    assert book.overdue(100.0) == []


def test_a_word_that_is_settled_is_not_awaited() -> None:
    book = expectations()
    book.await_word(b"word", Noted("word"), 5.0)
    book.settle(b"word")
    assert book.overdue(6.0) == []


def test_a_word_s_deadline_follows_the_clock_and_the_link() -> None:
    book, word = expectations(), Noted("word")
    book.await_word(b"word", word, 5.0)
    book.await_word(b"word", word, 50.0)
    book.shift(-30.0)
    assert book.overdue(19.0) == []
    book.postpone(40.0)
    assert book.overdue(39.0) == []
    assert book.overdue(40.0) == [word]
