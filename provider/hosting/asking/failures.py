"""What is told of a service that failed: the kind of its error and the lines of code that it came from, and no more.

The message of an error may quote the request, and a request is nobody's business but the service's. So it never gets
into the log of the provider; nor do the values of variables. Names of files and functions are the author's, and say
nothing of a request.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import twisted
from twisted.python.failure import Failure

MOST_FRAMES = 4
"""Frames told of one error, the innermost ones: those of its service are among them, if not behind a deep library."""

ASYNCIO_CURE = (
    "it waits by asyncio (asyncio.sleep, or a library that needs asyncio), and services run on Twisted's reactor, "
    'where asyncio has no event loop: wait by "await Pause(context.clock).wait(seconds)" of loopixmix.process.pause, '
    'or write a plain "def answer", which runs in threads and may call asyncio.run'
)

_SAYINGS = ("no running event loop", "await wasn't used with future")
"""What Python itself says then; an error with one of these messages quotes nothing else."""
_ERRORS = ("NoEventLoopError", "AsyncLibraryNotFoundError")
"""What libraries say that run on asyncio or Trio: anyio and sniffio."""

_ASYNCIO = Path(asyncio.__file__).parent
_ENTERED_BY = "runners.py"
_AROUND = (Path(twisted.__file__).parent, Path(__file__).parent.parent)
"""The code around a service, which says nothing of why it failed."""


def told(failure: Failure) -> str:
    """Return the kind of an error and where it came from, in one line; nothing of its message.

    If a service on the reactor waits by asyncio, the line says what to do instead.
    """
    line = f"{type(failure.value).__name__} at {innermost(failure)}"
    return f"{line}: {ASYNCIO_CURE}" if is_about_asyncio(failure) else line


def innermost(failure: Failure) -> str:
    """Return the innermost lines of code of an error: file, line and function, the innermost one first."""
    frames = [(function, Path(file), line) for function, file, line, *_ in failure.frames]
    own = [frame for frame in frames if not any(frame[1].is_relative_to(each) for each in _AROUND)]
    places = [f"{file}:{line} ({function})" for function, file, line in own[: -MOST_FRAMES - 1 : -1]]
    return ", called at ".join(places) or "an unknown place"


def is_about_asyncio(failure: Failure) -> bool:
    """Tell whether code failed because it needs an event loop of asyncio, and runs where there is none."""
    error, files = failure.value, [Path(file) for _, file, *_ in failure.frames]
    if type(error).__name__ in _ERRORS or (type(error) is RuntimeError and str(error) in _SAYINGS):
        return True
    # A queue or lock of asyncio fails in another way there. In a loop that `asyncio.run` has begun all is well.
    began_loop = _ASYNCIO / _ENTERED_BY in files
    return bool(files) and files[-1].parent == _ASYNCIO and not began_loop and isinstance(error, AttributeError)
