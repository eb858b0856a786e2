"""Programs that go on by themselves after the one that started them has ended, and how they are ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from loopixmix.errors import StoreError, UnavailableError
from loopixmix.process.files import NUMBER_BYTES, PRIVATE_FILE, DirectoryLock, file_error, lock_holder, make_directory

STOP_POLL_S = 0.05

# Started by a shell that ends at once, so that it is no child of ours: a child that ended would stay in the table of
# processes for as long as we run, and look as if it were still there.
_APART = '"$@" </dev/null >>"$LOG" 2>&1 & echo $!'

# Says itself whose the lock is, before it becomes the program: whoever starts it may be ended in that moment, and the
# lock would then bear the number of a process that is gone, which the system gives to any other.
_HOLDING = f'printf "%-{NUMBER_BYTES - 1}d\\n" "$$" 1<>"$0" && exec "$@"'


def loopixmix_command(*arguments: str) -> tuple[str, ...]:
    """Return the command line of `loopixmix ARGUMENTS`, run by the Python that runs this."""
    # Without -P, Python would look for modules where we happen to be before it looks where packages are installed.
    return (sys.executable, "-P", "-m", "loopixmix.main", *arguments)


def start_in_background(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str],
    directory: Path | None = None,
    lock: Path | None = None,
) -> int:
    """Start a command that goes on without us; return the number of its process.

    `log`: the file to which its output is appended. `environment`: all of its variables. `directory`: where it runs, by
    default where we do. `lock`: a file whose lock it holds until it ends, whatever the command is. Raises `StoreError`
    if log or lock cannot be written, `LockedError` if another process holds the lock.
    """
    if lock is None:
        return _start(command, log, environment, directory)
    make_directory(lock.parent)
    start = partial(_start, ("/bin/sh", "-c", _HOLDING, str(lock.absolute()), *command), log, environment, directory)
    with DirectoryLock(lock, of=lock) as held:
        return held.hand_on(start)


def _start(
    command: Sequence[str], log: Path, environment: Mapping[str, str], directory: Path | None, *inherited: int
) -> int:
    try:
        make_directory(log.parent)
        os.close(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE))
    except OSError as error:
        raise file_error(error, f"{log}: cannot be written") from error
    done = subprocess.run(
        ["/bin/sh", "-c", _APART, "sh", *command],
        env={**environment, "LOG": str(log.absolute())},
        cwd=directory,
        pass_fds=inherited,
        stdout=subprocess.PIPE,
        # So that ctrl-C on the command that started it ends that command only.
        start_new_session=True,
        check=True,
    )
    return int(done.stdout)


def stop_holder(lock: Path, *, within_s: float) -> int | None:
    """Ask the process that holds `lock` to end, and wait until it has; return its number, or None if there is none.

    Raises `UnavailableError` if it has not ended after `within_s`, `StoreError` if it is another user's.
    """
    holder = lock_holder(lock)
    if holder is None:
        return None
    try:
        os.kill(holder, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it ended in this moment
    except PermissionError as error:
        raise StoreError(f"{lock.parent}: process {holder} is another user's, who alone may stop it") from error
    deadline_s = time.monotonic() + within_s
    # The lock is given back when all of the program has ended; another process may have it by then.
    while lock_holder(lock) == holder:
        if time.monotonic() > deadline_s:
            raise UnavailableError(f"{lock.parent}: process {holder} has not ended after {within_s:g} s: it goes on")
        time.sleep(STOP_POLL_S)
    return holder


def last_words(log: Path, *, lines: int = 3) -> str:
    """Return the end of a log, empty if there is none."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(text.strip().splitlines()[-lines:])
