"""What callbacks raised, kept and logged."""

from __future__ import annotations

from twisted.logger import LogEvent, globalLogPublisher

from client.api import CallbackFailure
from client.feeds.failures import MOST_KEPT, CallbackFailures, words_of


def raised() -> BaseException:
    try:
        raise ValueError("a secret")
    except ValueError as error:
        return error


def test_the_newest_are_kept_and_all_are_counted() -> None:
    told: list[CallbackFailure] = []
    failures = CallbackFailures(told.append)
    for _ in range(MOST_KEPT + 5):
        failures.note("on_answer(f)", KeyError())
    assert [failure.number for failure in failures.newest] == [*range(6, MOST_KEPT + 6)]
    assert failures.newest == told[5:]


def test_whose_it_is_and_where_it_was_raised_is_logged_and_not_its_words() -> None:
    logged: list[LogEvent] = []
    globalLogPublisher.addObserver(logged.append)
    try:
        CallbackFailures().note("on_answer(guests.note)", raised())
    finally:
        globalLogPublisher.removeObserver(logged.append)
    [event] = logged
    words = event["words"]
    assert words.startswith("the callback on_answer(guests.note) failed: ValueError in raised, line ")
    assert words.endswith(" of test_failures.py")
    assert "secret" not in str(event)


def test_an_error_that_was_never_raised_has_no_place() -> None:
    failure = CallbackFailure(number=1, callback="on_answer(f)", error=KeyError())
    assert words_of(failure) == "the callback on_answer(f) failed: KeyError"
