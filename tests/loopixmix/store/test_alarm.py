"""The store's alarm: said once when it fails, once when it works again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.python.failure import Failure

from loopixmix.errors import StoreError, disk_full
from loopixmix.store.alarm import StoreAlarm, already_told


@pytest.fixture
def logged() -> Iterator[list[LogEvent]]:
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


def test_a_problem_is_said_once_and_its_newest_form_is_kept(logged: list[LogEvent]) -> None:
    alarm = StoreAlarm("mail")
    assert alarm.problem is None
    for reason in ("the disk is full", "the disk is gone"):
        failure = Failure(StoreError(reason))
        assert alarm.failed(failure) is failure
    assert alarm.problem == "the disk is gone"
    assert [formatEvent(event) for event in logged] == ["mail waits until the store works again: the disk is full"]


def test_the_end_of_a_problem_is_said_once(logged: list[LogEvent]) -> None:
    alarm = StoreAlarm("mail")
    alarm.wrote()
    assert logged == []
    alarm.failed(Failure(StoreError("the disk is full")))
    alarm.wrote()
    alarm.wrote()
    assert alarm.problem is None
    assert formatEvent(logged[-1]) == "the store works again"
    assert len(logged) == 2


def test_a_full_disk_is_told_once_though_small_changes_still_fit(logged: list[LogEvent]) -> None:
    room = [False]
    alarm = StoreAlarm("mail", has_room=lambda: room[0])
    for _ in range(3):
        alarm.failed(Failure(disk_full("the store cannot be written")))
        alarm.wrote()
    assert alarm.problem == "the disk is full: the store cannot be written"
    assert len(logged) == 1
    room[0] = True
    alarm.wrote()
    assert alarm.problem is None
    assert [formatEvent(event) for event in logged[1:]] == ["the store works again"]


def test_a_failure_that_was_told_ends_there() -> None:
    assert already_told(Failure(StoreError("the disk is full"))) is None
