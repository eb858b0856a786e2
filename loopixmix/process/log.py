"""The log of a process: Twisted's events on stderr, as text or as one JSON object a line.

What nodes log are their own doings and counts. No event carries a packet, a key, a replay tag or who sent something: a
test sends marked data through a node and looks for it in the log. Of an error its kind and its places in the code are
written, and neither its words nor the values of variables: they may quote what was asked or sent, and the error may
come from a hosted service or a library.
"""

from __future__ import annotations

import json
import os
import threading
import traceback
from datetime import UTC, datetime
from typing import IO, Literal, cast

import msgspec
from twisted.logger import (
    FilteringLogObserver,
    ILogFilterPredicate,
    ILogObserver,
    LogEvent,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    eventAsText,
    globalLogBeginner,
)
from twisted.python.failure import Failure

MOST_CAUSES = 8
"""Errors that are written with the one that they led to."""

OWN_NAMESPACES = ("loopixmix", "provider", "client")

_log = Logger()


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a process logs: `format` text or json; `level` the least that is logged of its own events.

    Of libraries, warnings and errors are logged.
    """

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warn", "error"] = "info"


class Log:
    """The log of this process, once begun."""

    def __init__(self, stream: IO[str]) -> None:
        """`stream`: the log is written there."""
        self._stream = stream
        self._own: tuple[str, ...] = OWN_NAMESPACES
        self._settings = LogSettings()
        self._levels = LogLevelFilterPredicate(defaultLogLevel=LogLevel.warn)

    def begin(self, settings: LogSettings, *, program: str = "") -> None:
        """Write every event from now on, those from before that were not written yet included.

        `program` is the package or module of the program: its events count as the process's own, too.
        """
        if program:
            self._own = (*OWN_NAMESPACES, program)
        self.apply(settings)
        # Libraries' debug and info events tell of connections and addresses; they are left out even at level debug.
        predicate = cast(ILogFilterPredicate, self._levels)
        observer = FilteringLogObserver(cast(ILogObserver, self._write), [predicate])
        globalLogBeginner.beginLoggingTo([cast(ILogObserver, observer)], redirectStandardIO=False)
        # Python itself would write the words of the error.
        threading.excepthook = _log_end_of_thread

    def apply(self, settings: LogSettings) -> None:
        """Change format and level."""
        self._settings = settings
        level = LogLevel.levelWithName(settings.level)
        for namespace in self._own:
            self._levels.setLogLevelForNamespace(namespace, level)

    def _write(self, event: LogEvent) -> None:
        line = json_line(event) if self._settings.format == "json" else text_line(event)
        self._stream.write(line)
        # At once: the last lines before a crash are the ones that are looked for.
        self._stream.flush()


def text_line(event: LogEvent) -> str:
    """Return an event as text: time, level, where from, message; the places of an error follow on more lines."""
    return f"{_time(event)} {_level(event):<5} {event.get('log_namespace', '-')}: {_message(event)}\n"


def json_line(event: LogEvent) -> str:
    """Return an event as one JSON object: `time`, `level`, `from`, `message`."""
    fields = {
        "time": _time(event),
        "level": _level(event),
        "from": str(event.get("log_namespace", "-")),
        "message": _message(event),
    }
    return json.dumps(fields, ensure_ascii=False) + "\n"


def failure_text(failure: Failure) -> str:
    """Return the kinds and places of an error and of those that led to it, the last first; none of their words."""
    lines: list[str] = []
    error = failure.value
    frames = traceback.extract_tb(failure.getTracebackObject())  # type: ignore[no-untyped-call]
    for _ in range(MOST_CAUSES):
        if error is None:
            break
        lines += [_kind(error), *(f"    {each.filename}:{each.lineno} ({each.name})" for each in reversed(frames))]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        frames = traceback.extract_tb(error.__traceback__ if error is not None else None)
    return "\n".join(lines)


def _kind(error: BaseException) -> str:
    # What the system says of a number is the same for every request.
    says = f": {os.strerror(error.errno)}" if isinstance(error, OSError) and isinstance(error.errno, int) else ""
    return type(error).__name__ + says


def _log_end_of_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        name = args.thread.name if args.thread is not None else "unknown"
        _log.failure("the thread {name} ended", Failure(args.exc_value), name=name)  # type: ignore[no-untyped-call]


def _message(event: LogEvent) -> str:
    failure = event.get("log_failure")
    message = eventAsText(event, includeTimestamp=False, includeSystem=False, includeTraceback=False).strip()
    return f"{message}\n{failure_text(failure)}".strip() if isinstance(failure, Failure) else message


def _time(event: LogEvent) -> str:
    return datetime.fromtimestamp(event["log_time"], UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _level(event: LogEvent) -> str:
    level = event.get("log_level")
    return level.name if level is not None else "info"
