"""Status and withdrawal, as the commands of mixes and of providers share them."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from loopixmix.errors import UnavailableError
from loopixmix.net.sockets import check_listening
from loopixmix.node.config import LOCK_FILE, NodeConfig
from loopixmix.observing.status import STALE_AFTER_S, NodeStatus, read_status
from loopixmix.process.files import lock_holder

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
CHECK = click.option(
    "--check", is_flag=True, help="One line for a monitor; exit code 1 unless all is well and the node answers."
)


def row_of(label: str, value: object, *, width: int | None) -> str:
    """Return one row of a status: what does not fit into `width` columns goes on below the value; None: one line."""
    row = f"{label:<16} {value}"
    if width is None or len(row) <= width or " " not in str(value):
        return row
    # A terminal would break in the middle of a word.
    indent = " " * 17
    return textwrap.fill(row, max(width, 40), subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)


def check_ports(directory: Path, config: NodeConfig) -> None:
    """Raise `ListenError` if the node of `directory` could not listen where it is to."""
    lock = directory / LOCK_FILE
    listen, metrics = config.listen_address, config.metrics.address
    check_listening(listen.host, listen.port, keys=("listen", "listen"), lock=lock)
    if metrics is not None:
        check_listening(metrics.host, metrics.port, keys=("metrics.listen", "metrics.listen"), lock=lock)


def show_status(directory: Path, *, as_json: bool, check: bool = False) -> None:
    """Print how the node of `directory` is; raise `UnavailableError` if none runs there, or it answers no more.

    With `check`, also if it is not healthy; one line tells the rest.
    """
    status = running_status(directory)
    now_s = time.time()
    if as_json:
        click.echo(msgspec.json.encode(status))
    elif check:
        click.echo(f"{status.name}: {health_of(status, now_s=now_s)}")
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for label, value in status_rows(status, now_s=now_s):
            click.echo(row_of(label, value, width=width))
    end_unless_well(status, now_s=now_s, check=check)


def end_unless_well(status: NodeStatus, *, now_s: float, check: bool) -> None:
    """End the command with exit code 1 if the program is silent; with `check`, also if it is not healthy."""
    if is_silent(status, now_s=now_s) or (check and not status.healthy):
        raise click.exceptions.Exit(1)


def ask_to_withdraw(directory: Path) -> None:
    """Ask the node that runs in `directory` to leave the next network document."""
    os.kill(running_status(directory).pid, signal.SIGUSR1)
    click.echo("asked to withdraw: `status` tells when that is done")


def running_status(directory: Path, *, lock_file: str = LOCK_FILE) -> NodeStatus:
    """Return the status of the program that runs in `directory`; raise `UnavailableError` if none does.

    The lock tells whether one runs. The status file does not: it may be that of another directory, copied.
    """
    holder = lock_holder(directory / lock_file)
    found = read_status(directory)
    if holder is None:
        left = ""
        if found is not None:
            left = f"; its status is of {_time(found.written_at_s)}: it was killed then, or the directory is a copy"
        raise UnavailableError(f"{directory}: no node runs here{left}")
    if found is None or found.pid != holder:
        raise UnavailableError(f"{directory}: process {holder} has not told its status yet: ask again in a moment")
    return found


def is_silent(status: NodeStatus, *, now_s: float) -> bool:
    """Tell whether a program has told nothing for too long: it hangs, or was stopped."""
    # Nor does a word of the future tell anything: the clock was set back, and a running program has told one since.
    return abs(now_s - status.written_at_s) > STALE_AFTER_S


def health_of(status: NodeStatus, *, now_s: float) -> str:
    """Return in a few words how a program is."""
    if is_silent(status, now_s=now_s):
        silent_s = now_s - status.written_at_s
        return f"not answering for {silent_s:.0f} s" if silent_s > 0 else "not answering since the clock was set back"
    return "ok" if status.healthy else status.problem or "starting"


def status_rows(status: NodeStatus, *, now_s: float) -> list[tuple[str, object]]:
    """Return a status as labels and values, for people."""
    loops = status.loops
    rows: list[tuple[str, object]] = [
        ("health", health_of(status, now_s=now_s)),
        ("name", status.name),
        ("id", status.id),
        ("role", status.role if status.layer is None else f"{status.role}, layer {status.layer}"),
        ("process", status.pid),
        ("running since", _time(status.started_at_s)),
        ("clock", _time(status.written_at_s)),
        ("epoch", status.epoch),
        ("engine", status.engine),
        ("packets", f"{status.packets_in:,} in, {status.packets_out:,} out, {status.delivered:,} ended here"),
        ("waiting", f"{status.queue:,}"),
        ("late", f"{1000 * status.late_p99_s:.1f} ms"),
        ("dropped", _counted(status.dropped)),
        ("loops", f"{loops.sent:,} sent, {loops.returned:,} back, {loops.lost:,} lost"),
        ("round trip", f"{loops.mean_s:.3f} s, expected {loops.expected_mean_s:.3f} s and links"),
        ("entropy", f"{status.entropy_bits:.1f} bits"),
        ("links", f"{status.links.open} open; refused: {_counted(status.links.refused)}"),
    ]
    return rows + [(name.replace("_", " "), value) for name, value in status.extra.items()]


def _counted(counts: dict[str, int]) -> str:
    found = ", ".join(f"{count:,} {reason}" for reason, count in counts.items())
    return found or "none"


def _time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(sep=" ", timespec="seconds")
