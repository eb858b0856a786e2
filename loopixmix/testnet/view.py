"""How a running test network looks in a terminal: one row a node."""

from __future__ import annotations

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from loopixmix.observing.status import STALE_AFTER_S, NodeStatus

CAPTION = "loops: share of own loops that came back; ms: their mean round trip, beside theory; bits: live entropy"

NOT_ANSWERING, SILENT = "not answering", "silent"
SHORT = ("ok", "starting", "stopped")
"""States that a word tells in full."""
FIGURES, NAME_WIDTH = 8, 24


def health(status: NodeStatus | None, *, running: bool, now_s: float) -> str:
    """Tell in a word or two how a node is."""
    if not running:
        return "stopped"
    if status is None:
        return "starting"
    if abs(now_s - status.written_at_s) > STALE_AFTER_S:
        return NOT_ANSWERING
    return "ok" if status.healthy else status.problem or "starting"


def network_view(
    statuses: Mapping[str, NodeStatus | None],
    others: Mapping[str, str | None],
    *,
    running: frozenset[str],
    now_s: float,
) -> Group:
    """Make the table of all nodes, and below it what is wrong, in full.

    Rates are means since each node started, round trips in milliseconds. `others`: the programs and clients beside the
    nodes, each with why it is not ready, or None.
    """
    states = {name: health(status, running=name in running, now_s=now_s) for name, status in statuses.items()}
    table = _empty_table()
    for name, status in statuses.items():
        layer = "" if status is None or status.layer is None else str(status.layer)
        # Also of one that is not well: its figures are what one looks for then.
        figures = [""] * FIGURES if status is None else _figures(status, now_s)
        table.add_row(name, layer, _word(states[name]), *figures)
    for name, problem in others.items():
        table.add_row(name, "", _word(problem or "ok"), *[""] * FIGURES)
    states |= {name: problem or "ok" for name, problem in others.items()}
    below = [Text(f"{name}: {state}", "red") for name, state in states.items() if state not in SHORT]
    below += [
        Text(f"{name} dropped {_reasons(status.dropped)}")
        for name, status in statuses.items()
        if status is not None and status.dropped
    ]
    return Group(table, *below)


def _empty_table() -> Table:
    # Without padding, because a terminal of 80 columns is to hold all headings whole.
    table = Table(caption=CAPTION, caption_justify="left", box=SIMPLE_HEAD, padding=0, pad_edge=False)
    table.add_column("node", max_width=NAME_WIDTH, overflow="fold")
    table.add_column("layer", no_wrap=True)
    table.add_column("health", no_wrap=True)
    for heading in ("in/s", "out/s", "drops", "loops", "ms", "theory", "bits", "links"):
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _word(state: str) -> Text:
    """Return a state in a word that leaves room for figures; what it stands for is below the table."""
    colour = "green" if state == "ok" else "yellow" if state == "starting" else "red"
    return Text(state if state in SHORT else SILENT if state == NOT_ANSWERING else "problem", colour)


def _figures(status: NodeStatus, now_s: float) -> list[str]:
    if status.role == "authority":
        return [""] * FIGURES
    uptime_s = max(now_s - status.started_at_s, 1.0)
    loops = status.loops
    over = loops.returned + loops.lost
    return [
        f"{status.packets_in / uptime_s:,.0f}",
        f"{status.packets_out / uptime_s:,.0f}",
        f"{sum(status.dropped.values()):,}",
        f"{loops.returned / over:.0%}" if over else "",
        f"{loops.mean_s * 1000:,.0f}" if loops.returned else "",
        f"{loops.expected_mean_s * 1000:,.0f}" if loops.returned else "",
        f"{status.entropy_bits:.1f}" if status.packets_out else "",
        str(status.links.open),
    ]


def _reasons(dropped: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} as {reason}" for reason, count in sorted(dropped.items()))
