"""Status and withdrawal, as the commands of mixes and of providers share them."""

from __future__ import annotations

import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from loopixmix.errors import UnavailableError
from loopixmix.observing.status import STALE_AFTER_S, NodeStatus, read_status


def show_status(directory: Path, *, as_json: bool) -> None:
    """Print how the node of `directory` is; raise `UnavailableError` if none runs there."""
    status = running_status(directory)
    if as_json:
        click.echo(msgspec.json.encode(status))
        return
    for label, value in status_rows(status, now_s=time.time()):
        click.echo(f"{label:<16} {value}")


def ask_to_withdraw(directory: Path) -> None:
    """Ask the node that runs in `directory` to leave the next network document."""
    os.kill(running_status(directory).pid, signal.SIGUSR1)
    click.echo("asked to withdraw: `status` tells when that is done")


def running_status(directory: Path) -> NodeStatus:
    """Return the status of the node that runs in `directory`; raise `UnavailableError` if none does."""
    found = read_status(directory)
    if found is None:
        raise UnavailableError(f"{directory}: no node runs here")
    if not _runs(found.pid):
        raise UnavailableError(f"{directory}: the node is gone; process {found.pid} ended without a word")
    return found


def status_rows(status: NodeStatus, *, now_s: float) -> list[tuple[str, object]]:
    """Return a status as labels and values, for people."""
    health = "ok" if status.healthy else status.problem or "starting"
    if now_s - status.written_at_s > STALE_AFTER_S:
        health = f"not answering for {now_s - status.written_at_s:.0f} s"
    loops = status.loops
    rows: list[tuple[str, object]] = [
        ("health", health),
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


def _runs(pid: int) -> bool:
    # Signal 0 is never delivered: it only tells whether it could be.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
