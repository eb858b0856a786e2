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

from loopixmix.process.log import MAX_LINE_CHARACTERS, LineLimits, Log, LogSettings, json_line, text_line

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
    head = "2023-11-14T22:13:20.123Z warn  loopixmix.mix: 3 lost\nTraceback without words, the innermost call first:\n"
    assert line.startswith(f"{head}KeyError\n")
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
    Log(stream, seconds=lambda: 0.0).begin(LogSettings())
    thread = threading.Thread(target=fails, name="service poll")
    thread.start()
    thread.join()
    assert (
        "the thread service poll ended\nTraceback without words, the innermost call first:\nValueError\n"
        in stream.getvalue()
    )
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
    log = Log(stream, seconds=lambda: 0.0)
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
    log = Log(stream, seconds=lambda: 0.0)
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


class FullDisk(io.StringIO):
    """Takes lines while there is room."""

    is_full = False

    def write(self, text: str) -> int:
        if self.is_full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def begun(stream: io.StringIO, **limits: float) -> tuple[Log, list[float]]:
    """A log on `stream` at an hour that tests set, and what others logged before is not in it."""
    now_s = [0.0]
    bounds = LineLimits(**limits)  # type: ignore[arg-type]
    log = Log(stream, seconds=lambda: now_s[0], limits=bounds)
    log.begin(LogSettings(level="debug", format="json"))
    log.tell_left_out()
    stream.seek(0)
    stream.truncate()
    return log, now_s


def messages(stream: io.StringIO) -> list[str]:
    lines = [json.loads(line)["message"] for line in stream.getvalue().splitlines()]
    return [line for line in lines if "primary log target" not in line]


@pytest.mark.filterwarnings("ignore:Warning. primary log target selected twice")
def test_one_kind_of_event_fills_few_lines_and_takes_none_from_others(stream: io.StringIO) -> None:
    log, now_s = begun(stream, burst=3, rate_per_s=0.1)
    own, other = Logger("loopixmix.hop"), Logger("provider.store")
    for number in range(10_000):
        own.error("{number}: the disk is full", number=number)
    own.error("something else")
    other.warn("{number}: the disk is full", number=0)
    assert messages(stream) == [
        *(f"{number}: the disk is full" for number in range(3)),
        "something else",
        "0: the disk is full",
    ]
    log.tell_left_out()
    log.tell_left_out()
    told = "9997 more events like this were left out: loopixmix.hop: {number}: the disk is full"
    assert messages(stream)[5:] == [told]
    now_s[0] = 10.0
    own.error("{number}: the disk is full", number=-1)
    own.error("{number}: the disk is full", number=-2)
    assert messages(stream)[6:] == ["-1: the disk is full"]


def test_kinds_without_end_share_their_lines() -> None:
    limits = LineLimits(burst=2, rate_per_s=0.1, max_kinds=5)
    taken = [number for number in range(10_000) if limits.take(event(log_format=f"no route {number}"), 0.0)]
    assert taken == [0, 1, 2, 3, 4, 5, 6]
    assert dict(limits.left_out()) == {("other events", ""): 9_993}
    # What has been quiet makes room again.
    assert limits.take(event(log_format="one"), 20.0)
    assert [limits.take(event(log_format="two"), 20.0) for _ in range(3)] == [True, True, False]
    assert [kind for kind, _ in limits.left_out()] == [("loopixmix.mix", "two")]


@pytest.mark.filterwarnings("ignore:Warning. primary log target selected twice")
def test_a_full_disk_loses_lines_and_harms_nobody_who_logs() -> None:
    stream = FullDisk()
    before = list(globalLogPublisher._observers)
    begun(stream)
    stream.is_full = True
    for number in range(3):
        Logger("loopixmix.hop").info("lost {number}", number=number)
    stream.is_full = False
    Logger("loopixmix.hop").info("kept")
    Logger("loopixmix.hop").info("kept, too")
    for observer in [each for each in globalLogPublisher._observers if each not in before]:
        globalLogPublisher.removeObserver(observer)
    assert messages(stream) == ["3 lines of the log could not be written", "kept", "kept, too"]


class Collected:
    """Something during whose logging the garbage collector ends what was forgotten with an error."""

    def __str__(self) -> str:
        Logger(namespace="twisted.internet.defer").critical("Unhandled error in Deferred")
        return "this"


@pytest.mark.filterwarnings("ignore:Warning. primary log target selected twice")
def test_who_logs_in_the_midst_of_a_line_does_not_wait_for_itself(stream: io.StringIO) -> None:
    Log(stream, seconds=lambda: 0.0).begin(LogSettings())
    stream.seek(0)
    stream.truncate()
    logs = Logger(namespace="loopixmix.mix")
    thread = threading.Thread(target=lambda: logs.warn("{it}", it=Collected()), daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    lines = [line.rsplit(": ", 1)[-1] for line in stream.getvalue().splitlines()]
    assert lines == ["this", "Unhandled error in Deferred"]


def test_of_an_endless_traceback_the_middle_is_left_out() -> None:
    line = text_line(event(n="a" * 100_000 + "the end"))
    assert len(line) < MAX_LINE_CHARACTERS + 200
    assert "characters left out" in line
    assert line.endswith("the end lost\n")


def test_a_line_of_json_is_the_same_for_every_terminal() -> None:
    line = json_line(event(log_format="caf\u00e9 \udcff"))
    assert line.isascii()
    assert json.loads(line)["message"] == "caf\u00e9 \udcff"
