"""The log of a process: Twisted's events on stderr, as text or as one JSON object a line.

What nodes log are their own doings and counts. No event carries a packet, a key, a replay tag or who sent something: a
test sends marked data through a node and looks for it in the log. Of an error its kind and its places in the code are
written, and neither its words nor the values of variables: they may quote what was asked or sent, and the error may
come from a hosted service or a library.

Strangers can bring about many events, and a full disk one for every packet. So each kind of event fills a bounded
number of lines, whatever happens, and a line tells how many were left out.
"""

from __future__ import annotations

import json
import os
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from threading import RLock
from typing import IO, Literal, TypeAlias, cast

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

from loopixmix.bounds import TokenBucket

MOST_CAUSES = 8
"""Errors that are written with the one that they led to."""

OWN_NAMESPACES = ("loopixmix", "provider", "client")

KIND_BURST = 50
"""So many lines of one kind are written, however fast they come."""
KIND_RATE_PER_S = 0.1
"""And so many a second over a long time: at 150 bytes a line, a flood writes 1.3 MB a day."""
MAX_KINDS = 256
"""Kinds whose lines are counted apart. What a library puts together by itself may be a new kind each time."""
MAX_LINE_CHARACTERS = 20_000
"""Of a longer event, such as the traceback of an endless recursion, the middle is left out."""

Kind: TypeAlias = tuple[str, str]
"""Events of one kind have the same namespace and the same format."""

_OTHERS: Kind = ("other events", "")

_log = Logger()


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a process logs: `format` text or json; `level` the least that is logged of its own events.

    Of libraries, warnings and errors are logged.
    """

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warn", "error"] = "info"


class LineLimits:
    """Decides which events are written, so that no kind of event fills more than its number of lines."""

    def __init__(
        self, *, rate_per_s: float = KIND_RATE_PER_S, burst: int = KIND_BURST, max_kinds: int = MAX_KINDS
    ) -> None:
        """Each kind has `rate_per_s` lines and `burst` at once. Kinds beyond `max_kinds` have these together."""
        self._rate_per_s, self._burst, self._max_kinds = rate_per_s, burst, max_kinds
        self._buckets: dict[Kind, TokenBucket] = {}
        self._left_out: dict[Kind, int] = {}

    def take(self, event: LogEvent, now_s: float) -> bool:
        """Tell whether this event is written, and count it either way."""
        kind = (str(event.get("log_namespace", "-")), str(event.get("log_format", "")))
        if kind not in self._buckets and len(self._buckets) >= self._max_kinds:
            self._forget_idle(now_s)
            # Not the idlest makes room, as elsewhere: then new kinds without end would bring lines without end.
            kind = kind if len(self._buckets) < self._max_kinds else _OTHERS
        bucket = self._buckets.get(kind)
        if bucket is None:
            bucket = self._buckets[kind] = TokenBucket(self._rate_per_s, self._burst, now_s)
        if bucket.take(now_s):
            return True
        self._left_out[kind] = self._left_out.get(kind, 0) + 1
        return False

    def left_out(self) -> Iterator[tuple[Kind, int]]:
        """Yield how many events of which kind were left out since the last time, and begin to count anew."""
        counts, self._left_out = self._left_out, {}
        yield from counts.items()

    def _forget_idle(self, now_s: float) -> None:
        self._buckets = {kind: bucket for kind, bucket in self._buckets.items() if not bucket.is_full(now_s)}


class Log:
    """The log of this process, once begun."""

    def __init__(self, stream: IO[str], *, seconds: Callable[[], float], limits: LineLimits | None = None) -> None:
        """`stream`: the log is written there. `seconds`: a clock that is never set back. `limits`: on its lines."""
        self._stream = stream
        self._seconds = seconds
        self._limits = limits or LineLimits()
        # Threads log, too. And so may whoever has the lock, in the midst of a line: the garbage collector runs at any
        # moment, and ends what was forgotten with an error. With a plain lock the thread would wait for itself.
        self._writing = RLock()
        self._is_at_it = False
        self._later: deque[LogEvent] = deque()
        """What came while a line was written, by the thread that writes it."""
        self._lost = 0
        self._latest_s = (0.0, 0.0)
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

    def tell_left_out(self) -> None:
        """Write how many events of each kind were left out since the last time, if there were any."""
        with self._writing:
            for (namespace, form), count in self._limits.left_out():
                note = "{count} more events like this were left out: {namespace}: {form}"
                self._put_in_turn(self._own_event(note, count=count, namespace=namespace, form=form))

    def _write(self, event: LogEvent) -> None:
        with self._writing:
            self._latest_s = (event["log_time"], self._seconds())
            if self._limits.take(event, self._seconds()):
                self._put_in_turn(event)

    def _put_in_turn(self, event: LogEvent) -> None:
        """Write an event now, or after the one that this thread writes already."""
        self._later.append(event)
        if self._is_at_it:
            return
        self._is_at_it = True
        try:
            while self._later:
                self._put(self._later.popleft())
        finally:
            self._is_at_it = False

    def _put(self, event: LogEvent) -> None:
        lost = self._own_event("{count} lines of the log could not be written", count=self._lost)
        lines = [self._line(each) for each in ([lost, event] if self._lost else [event])]
        try:
            self._stream.write("".join(lines))
            # At once: the last lines before a crash are the ones that are looked for.
            self._stream.flush()
        except OSError:
            # The disk is full, or the reader of a pipe has gone. The program does its work without its log.
            self._lost += 1
        else:
            self._lost = 0

    def _line(self, event: LogEvent) -> str:
        return json_line(event) if self._settings.format == "json" else text_line(event)

    def _own_event(self, log_format: str, **fields: object) -> LogEvent:
        time_s, at_s = self._latest_s
        basis = {"log_level": LogLevel.warn, "log_namespace": __name__, "log_format": log_format}
        return {**basis, "log_time": time_s + self._seconds() - at_s, **fields}


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
    # In ASCII: where stderr is no UTF-8, Python would write escapes that are not those of JSON.
    return json.dumps(fields) + "\n"


def failure_text(failure: Failure) -> str:
    """Return the kinds and places of an error and of those that led to it, the last first; none of their words."""
    lines = ["Traceback without words, the innermost call first:"]
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
    text = eventAsText(event, includeTimestamp=False, includeSystem=False, includeTraceback=False).strip()
    if isinstance(failure, Failure):
        text = f"{text}\n{failure_text(failure)}".strip()
    if len(text) <= MAX_LINE_CHARACTERS:
        return text
    half = MAX_LINE_CHARACTERS // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"


def _time(event: LogEvent) -> str:
    return datetime.fromtimestamp(event["log_time"], UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _level(event: LogEvent) -> str:
    level = event.get("log_level")
    return level.name if level is not None else "info"
