"""Whether the programs and clients beside the nodes of a test network are ready."""

from __future__ import annotations

import socket
from pathlib import Path

import msgspec

from loopixmix.process.files import lock_holder
from loopixmix.testnet.plan import PlannedProgram

CLIENT_URL_FILE, CLIENT_LOCK_FILE = "api.url", "client.lock"
"""A client's daemon writes the one when it answers, and removes it when it ends; it holds the other."""


class _Report(msgspec.Struct):
    """The part of a status file that is looked at; all of it may be missing."""

    problem: str | None = None
    pid: int | None = None


def program_problem(program: PlannedProgram, directory: Path, pid: int) -> str | None:
    """Return why a program that runs as `pid` in `directory` is not ready; None if it is."""
    if program.socket and not _listens(directory / program.socket):
        return f"does not listen on {program.socket} yet"
    if not program.status_file:
        return None
    path = directory / program.status_file
    return client_problem(path.parent, pid) if path.name == CLIENT_URL_FILE else _status_problem(path, pid)


def client_problem(directory: Path, pid: int) -> str | None:
    """Return why the daemon of a client, which runs as `pid`, is not ready; None if it is."""
    # The address alone may be left by a daemon that was killed. One that has the lock took that away before.
    is_there = lock_holder(directory / CLIENT_LOCK_FILE) == pid and (directory / CLIENT_URL_FILE).exists()
    return None if is_there else "starting"


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _status_problem(path: Path, pid: int) -> str | None:
    try:
        told = path.read_bytes()
    except OSError:
        return f"has not written {path.name} yet"
    try:
        report = msgspec.json.decode(told, type=_Report)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None  # not a report, but a mark that it is there
    # A program that was killed leaves its report behind.
    if report.pid not in (None, pid):
        return f"has not written {path.name} yet"
    return report.problem
