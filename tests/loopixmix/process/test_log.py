"""Lines of the log, as text and as JSON, from the level that was asked for."""

from __future__ import annotations

import errno
import io
import json
import threading
from collections.abc import Iterator

import pytest
from twisted.logger import Logger, LogLevel, globalLogBeginner, globalLogPublisher
from twisted.python.failure import Failure

from loopixmix.process.log import Log, LogSettings, json_line, text_line

NOON = 1_700_000_000.123


def event(**fields: object) -> dict[str, object]:
    basis = {"log_time": NOON, "log_level": LogLevel.warn, "log_namespace": "loopixmix.mix", "log_format": "{n} lost"}
    return basis | {"n": 3} | fields


def test_a_line_of_text_has_time_level_origin_and_message() -> None:
    assert text_line(event()) == "2023-11-14T22:13:20.123Z warn  loopixmix.mix: 3 lost\n"


def test_a_line_of_json_is_one_object() -> None:
    line = json_line(event(log_format="two\nlines {n}"))
    assert line.count("\n") == 1
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.123Z",
        "level": "warn",
        "from": "loopixmix.mix",
        "message": "two\nlines 3",
    }


def fails() -> None:
    asked = "word-77"
    raise ValueError(f"the request was {asked}")


def test_of_a_failure_its_kind_and_places_are_shown_and_nothing_of_a_request() -> None:
    try:
        try:
            fails()
        except ValueError as error:
            raise KeyError("word-77") from error
    except KeyError:
        line = text_line(event(log_failure=Failure()))
    assert line.startswith("2023-11-14T22:13:20.123Z warn  loopixmix.mix: 3 lost\nKeyError\n")
    assert f"    {__file__}:{fails.__code__.co_firstlineno + 2} (fails)\n" in line
    assert "\nValueError\n" in line
    assert "word-77" not in line
    assert "the request was" not in line


def test_what_the_system_says_of_an_error_is_shown() -> None:
    line = text_line(event(log_failure=Failure(OSError(errno.ENOSPC, "word-77", "/word-77"))))
    assert line.endswith("\nOSError: No space left on device\n")


def test_an_unhandled_failure_of_a_library_shows_no_words_either() -> None:
    failure = Failure(ValueError("word-77"))
    unhandled = event(log_failure=failure, log_format="Unhandled error in Deferred", log_namespace="twisted.internet")
    assert "word-77" not in text_line(unhandled) + json_line(unhandled)


@pytest.mark.filterwarnings("ignore:Warning. primary log target selected twice")
def test_of_a_thread_that_fails_no_words_are_written(
    stream: io.StringIO, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    Log(stream).begin(LogSettings())
    thread = threading.Thread(target=fails, name="service poll")
    thread.start()
    thread.join()
    assert "the thread service poll ended\nValueError\n" in stream.getvalue()
    assert "the request was" not in stream.getvalue() + capfd.readouterr().err


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What a process writes whose log has begun; whatever listened before listens again afterwards."""
    written = io.StringIO()
    before = list(globalLogPublisher._observers)
    yield written
    for observer in list(globalLogPublisher._observers):
        if observer not in before:
            globalLogPublisher.removeObserver(observer)


@pytest.mark.filterwarnings("ignore:Warning. primary log target selected twice")
def test_levels_and_format_can_change_while_a_process_runs(stream: io.StringIO) -> None:
    assert globalLogBeginner is not None
    log = Log(stream)
    log.begin(LogSettings(level="warn"))
    stream.seek(0)
    stream.truncate()  # what other tests logged before anybody listened is written first
    own, library = Logger("loopixmix.node.mix"), Logger("twisted.web")
    own.info("one")
    own.warn("two")
    library.info("three")
    log.apply(LogSettings(level="debug", format="json"))
    own.debug("four")
    library.info("five")
    library.error("six")
    lines = [line for line in stream.getvalue().splitlines() if "primary log target" not in line]
    assert [line.rsplit(": ", 1)[-1] for line in lines] == ["two", '"four"}', '"six"}']


@pytest.mark.filterwarnings("ignore:Warning. primary log target selected twice")
def test_an_applications_own_events_are_its_processes_own(stream: io.StringIO) -> None:
    log = Log(stream)
    log.begin(LogSettings(level="info"), program="votes")
    stream.seek(0)
    stream.truncate()
    Logger("votes.board").info("a ballot")
    Logger("provider.store").info("an item")
    Logger("klein").info("a request")
    log.apply(LogSettings(level="warn"))
    Logger("votes.board").info("another ballot")
    lines = [line for line in stream.getvalue().splitlines() if "primary log target" not in line]
    assert [line.rsplit(": ", 1)[-1] for line in lines] == ["a ballot", "an item"]
