"""How a running test network looks in a terminal: one row a node."""

from __future__ import annotations

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from loopixmix.observing.status import STALE_AFTER_S, NodeStatus

CAPTION = "loops: share of own loops that came back; ms: their mean round trip, beside theory; bits: live entropy"


def health(status: NodeStatus | None, *, running: bool, now_s: float) -> str:
    """Tell in a word or two how a node is."""
    if not running:
        return "stopped"
    if status is None:
        return "starting"
    if abs(now_s - status.written_at_s) > STALE_AFTER_S:
        return "not answering"
    return "ok" if status.healthy else status.problem or "starting"


def network_table(
    statuses: Mapping[str, NodeStatus | None],
    others: Mapping[str, str | None],
    *,
    running: frozenset[str],
    now_s: float,
) -> Table:
    """Make the table of all nodes; rates are means since each node started, round trips in milliseconds.

    `others`: the programs and clients beside them, each with why it is not ready, or None.
    """
    # Without padding, because a terminal of 80 columns is to hold all headings whole.
    table = Table(caption=CAPTION, caption_justify="left", box=SIMPLE_HEAD, padding=0, pad_edge=False)
    table.add_column("node", no_wrap=True)
    table.add_column("layer")
    table.add_column("health", overflow="fold")
    for heading in ("in/s", "out/s", "drops", "loops", "ms", "theory", "bits", "links"):
        table.add_column(heading, justify="right", no_wrap=heading != "drops")
    for name, status in statuses.items():
        state = health(status, running=name in running, now_s=now_s)
        figures = _figures(status, now_s) if status is not None and state == "ok" else [""] * 8
        layer = "" if status is None or status.layer is None else str(status.layer)
        table.add_row(name, layer, _coloured(state), *figures)
    for name, problem in others.items():
        table.add_row(name, "", _coloured(problem or "ok"), *[""] * 8)
    return table


def _coloured(state: str) -> Text:
    return Text(state, "green" if state == "ok" else "yellow" if state == "starting" else "red")


def _figures(status: NodeStatus, now_s: float) -> list[str]:
    if status.role == "authority":
        return [""] * 8
    uptime_s = max(now_s - status.started_at_s, 1.0)
    loops = status.loops
    over = loops.returned + loops.lost
    return [
        f"{status.packets_in / uptime_s:,.0f}",
        f"{status.packets_out / uptime_s:,.0f}",
        _drops(status.dropped),
        f"{loops.returned / over:.0%}" if over else "",
        f"{loops.mean_s * 1000:,.0f}" if loops.returned else "",
        f"{loops.expected_mean_s * 1000:,.0f}" if loops.returned else "",
        f"{status.entropy_bits:.1f}" if status.packets_out else "",
        str(status.links.open),
    ]


def _drops(dropped: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(dropped.items())) or "0"
