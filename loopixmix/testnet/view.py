"""How a running test network looks in a terminal: one row a node."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from loopixmix.status import STALE_AFTER_S, NodeStatus


def health(status: NodeStatus | None, *, running: bool, now_s: float) -> str:
    """Tell in a word or two how a node is."""
    if not running:
        return "stopped"
    if status is None:
        return "starting"
    if now_s - status.written_at_s > STALE_AFTER_S:
        return "not answering"
    return "ok" if status.healthy else status.problem or "starting"


def network_table(statuses: Mapping[str, NodeStatus | None], *, running: frozenset[str], now_s: float) -> Table:
    """Make the table of all nodes; rates are means since each node started."""
    table = Table(title="test network", title_justify="left", expand=False)
    for heading in ("node", "layer", "health"):
        table.add_column(heading, no_wrap=heading != "health")
    for heading in ("in/s", "out/s", "dropped", "loops back", "loop mean", "expected", "entropy", "links"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, status in statuses.items():
        state = health(status, running=name in running, now_s=now_s)
        colour = "green" if state == "ok" else "yellow" if state == "starting" else "red"
        figures = _figures(status, now_s) if status is not None and state == "ok" else [""] * 8
        table.add_row(name, _layer(status), f"[{colour}]{state}", *figures)
    return table


def _layer(status: NodeStatus | None) -> str:
    if status is None:
        return ""
    return status.role if status.layer is None else str(status.layer)


def _figures(status: NodeStatus, now_s: float) -> list[str]:
    uptime_s = max(now_s - status.started_at_s, 1.0)
    loops = status.loops
    returned = f"{loops.returned / loops.sent:.0%}" if loops.sent else ""
    return [
        f"{status.packets_in / uptime_s:,.0f}",
        f"{status.packets_out / uptime_s:,.0f}",
        _drops(status.dropped),
        returned,
        f"{loops.mean_s * 1000:,.0f} ms" if loops.returned else "",
        f"{loops.expected_mean_s * 1000:,.0f} ms" if loops.returned else "",
        f"{status.entropy_bits:.1f} bits" if status.packets_out else "",
        str(status.links.open),
    ]


def _drops(dropped: Mapping[str, int]) -> str:
    total = sum(dropped.values())
    if not total:
        return "0"
    reason = max(dropped, key=lambda name: dropped[name])
    return f"{total:,} {reason}" if dropped[reason] == total else f"{total:,} mostly {reason}"
