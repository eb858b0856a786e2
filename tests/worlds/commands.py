"""`loopixmix` commands in processes of their own, which are forked off one process that has imported everything.

A command takes a third of a second of processor time to import Twisted, cryptography and SQLAlchemy, and a hundredth to
do its work. A test that is about the start itself, or about a process that goes on, starts Python as a user does.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, NoReturn

import msgspec

ROOT = Path(__file__).parents[2]
ANSWER_S = 60.0
"""No command of a test takes longer than this."""
REQUEST_BYTES = 1 << 20
IMPORTED = (
    *("loopixmix.main", "loopixmix.commands.mix", "loopixmix.authority.authority", "loopixmix.authority.config"),
    *("provider.main", "client.main", "client.cli.actions", "client.cli.command_run", "client.cli.views"),
    *("twisted.internet.epollreactor", "sqlalchemy.dialects.sqlite"),
)


class Request(msgspec.Struct):
    """A command to run: what follows `loopixmix`, in which directory and with which environment."""

    arguments: list[str]
    directory: str
    environment: dict[str, str]


class ForkedCommands:
    """The process that the commands are forked off, as a test sees it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                # -P: the folder `simulations` beside this file must not be taken for the package of that name.
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # The process and its commands are ended together.
                start_new_session=True,
            )
        self._connection = ours
        self._connection.settimeout(ANSWER_S)

    def run(self, request: Request, stdin: bytes) -> subprocess.CompletedProcess[bytes]:
        """Run one command to its end; raise `TimeoutError` if it does not come to one.

        Nothing more can be run after that: the answer of that command would be taken for the next one's.
        """
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin)
            given.seek(0)
            files = [given.fileno(), out.fileno(), err.fileno()]
            socket.send_fds(self._connection, [msgspec.json.encode(request)], files)
            try:
                code = int(self._connection.recv(100))
            except TimeoutError:
                self.kill()
                raise
            return subprocess.CompletedProcess(request.arguments, code, _whole(out), _whole(err))

    def kill(self) -> None:
        """End the process, and the command that it waits for."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        """End the process: it has nothing to do once the connection is closed."""
        self._connection.close()
        self._process.wait()


def _whole(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


@functools.cache
def _commands() -> ForkedCommands:
    """Return the process of this session of tests; it starts with the first command."""
    made = ForkedCommands()
    atexit.register(made.stop)
    return made


def command(
    *arguments: str,
    stdin: bytes = b"",
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run `loopixmix` with `arguments` in a process of its own; return its exit code and what it printed."""
    where = str(directory or Path.cwd())
    try:
        return _commands().run(Request(list(arguments), where, dict(environment or os.environ)), stdin)
    except TimeoutError:
        # The next one gets a process of its own.
        _commands.cache_clear()
        raise


def command_text(*arguments: str, directory: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command as `command` does; return what it printed as text."""
    done = command(*arguments, directory=directory)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def serve(connection: socket.socket) -> None:
    """Fork a process for each request, and answer with its exit code, until the connection is closed."""
    for module in IMPORTED:
        import_module(module)
    # A reactor made here would be shared by all commands: its epoll would hear of the files of each. (Klein makes one.)
    assert "twisted.internet.reactor" not in sys.modules
    while True:
        data, files, _, _ = socket.recv_fds(connection, REQUEST_BYTES, 3)
        if not data:
            return
        pid = os.fork()
        if pid == 0:
            connection.close()
            _become(msgspec.json.decode(data, type=Request), files)
        for file in files:
            os.close(file)
        _, status = os.waitpid(pid, 0)
        connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _become(request: Request, files: list[int]) -> NoReturn:
    """Be the process of the command."""
    code: object = 1
    try:
        for place, file in enumerate(files):
            os.dup2(file, place)
            os.close(file)
        os.chdir(request.directory)
        os.environ.clear()
        os.environ.update(request.environment)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 (open to the end of the process)
        main = import_module("loopixmix.main").main
        sys.argv = ["loopixmix", *request.arguments]
        main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
