"""Whether the programs and clients beside the nodes of a test network are ready."""

from __future__ import annotations

import socket
from pathlib import Path

import msgspec

from loopixmix.testnet.plan import PlannedProgram

CLIENT_URL_FILE = "api.url"
"""A client's daemon writes it when it answers, and removes it when it ends."""


class _Report(msgspec.Struct):
    """The part of a status file that is looked at; all of it may be missing."""

    problem: str | None = None
    pid: int | None = None


def program_problem(program: PlannedProgram, directory: Path, pid: int) -> str | None:
    """Return why a program that runs as `pid` in `directory` is not ready; None if it is."""
    if program.socket and not _listens(directory / program.socket):
        return f"does not listen on {program.socket} yet"
    return _status_problem(directory / program.status_file, pid) if program.status_file else None


def client_problem(directory: Path, started_s: float) -> str | None:
    """Return why the daemon of a client, which started at `started_s`, is not ready; None if it is."""
    try:
        written_s = (directory / CLIENT_URL_FILE).stat().st_mtime
    except FileNotFoundError:
        return "starting"
    # A daemon that was killed leaves the file behind. Files and processes are timed by clocks a little apart.
    return None if written_s > started_s - 1.0 else "starting"


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
