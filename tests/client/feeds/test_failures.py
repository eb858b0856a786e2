"""What callbacks raised, kept and logged."""

from __future__ import annotations

import gc
import weakref

from twisted.logger import LogEvent, globalLogPublisher

from client.api import BadRequestError, CallbackFailure
from client.feeds.failures import MOST_KEPT, CallbackFailures, words_of


class Message:
    """Stands for a long one."""


def raised() -> Exception:
    try:
        raise ValueError("a secret")
    except ValueError as error:
        return error


def raised_over(message: Message) -> Exception:
    """Return an error whose tracebacks hold `message`: its own, that of its cause, and that of a part of it."""

    def part(message: Message) -> Exception:
        try:
            raise KeyError
        except KeyError as error:
            return error

    try:
        try:
            raise OSError("full")
        except OSError as cause:
            raise ExceptionGroup("several", [part(message)]) from cause
    except ExceptionGroup as error:
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


def test_why_a_callback_is_told_nothing_any_more_is_logged_in_words() -> None:
    told: list[CallbackFailure] = []
    CallbackFailures(told.append).note("on_event(f)", BadRequestError("there was no event 7-7 yet"), ended=True)
    assert words_of(told[0]) == "the callback on_event(f) is told nothing any more: there was no event 7-7 yet"


def test_only_the_newest_error_keeps_what_its_callback_was_told() -> None:
    failures, message = CallbackFailures(lambda failure: None), Message()
    held = weakref.ref(message)
    failures.note("on_received(f)", raised_over(message))
    del message
    gc.collect()
    assert held() is not None
    failures.note("on_received(f)", KeyError())
    gc.collect()
    assert held() is None
    assert type(failures.newest[0].error) is ExceptionGroup


def test_an_error_that_was_never_raised_has_no_place() -> None:
    failure = CallbackFailure(number=1, callback="on_answer(f)", error=KeyError())
    assert words_of(failure) == "the callback on_answer(f) failed: KeyError"
