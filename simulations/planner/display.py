"""Plans and conflicts, as a person reads them on a terminal of 80 columns or more."""

from __future__ import annotations

from collections.abc import Iterator
from math import log

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simulations.flows import traffic
from simulations.flows.deployed import params_of
from simulations.formulas.capacity import WidthInterval
from simulations.measures.catalogue import Measure
from simulations.planner.conflicts import Infeasible, Nearest
from simulations.planner.front import Cell, Front
from simulations.planner.packet_cost import PacketCost
from simulations.planner.plan import Plan, month_bytes
from simulations.planner.wishes import LATENCY_NAMES, Terms, Wishes
from simulations.planner.words import amount_of_bytes, counted, digits, money, seconds

_BAR = 38


def plan_shown(plan: Plan, cost: PacketCost, front: Front | None) -> Group:
    """Return a plan for a terminal: what to run, how wide, what it gives, what else could be had."""
    parts: list[RenderableType] = [
        _title(plan.wishes),
        _to_run(plan),
        _widths(plan, cost),
        _gives(plan),
    ]
    if front is not None:
        parts.append(front_shown(plan.wishes, plan.terms, front))
    parts += [Text(f"* {note}", style="dim") for note in _notes(plan, cost)]
    return Group(*parts)


def infeasible_shown(answer: Infeasible, cost: PacketCost) -> Group:
    """Return for a terminal which wishes conflict, and a table of what comes nearest."""
    table = _table("What comes nearest: one wish changed, the others kept", "change", "to", "which gives")
    for nearest in answer.nearest:
        table.add_row(*nearest_row(answer, nearest))
    parts: list[RenderableType] = [_title(answer.wishes), Text(f"\n{answer.conflict}", style="bold red")]
    if answer.nearest:
        parts.append(table)
    if answer.in_vain:
        parts.append(Text(f"No change of {' or of '.join(answer.in_vain)} alone is enough."))
    parts.append(Text(f"* c = {seconds(cost.seconds)} a packet: {cost.detail}", style="dim"))
    return Group(*parts)


def nearest_row(answer: Infeasible, nearest: Nearest) -> tuple[str, str, str]:
    """Return a wish, what it would have to be, and what is then had, in words."""
    currency, design = answer.terms.prices.currency, nearest.found.design
    to = {
        "budget": f"{money(nearest.value, currency)} a user and month",
        "latency": seconds(nearest.value),
        "bits": f"{digits(nearest.value)} bits",
        "users": counted(nearest.value, "user"),
    }[nearest.wish]
    gives = (
        f"{nearest.found.bits:.1f} bits, {money(nearest.found.cost_user_month, currency)} a user and month, "
        f"{digits(design.payload_rate_per_s)} payloads/s, delay {seconds(design.delay_mean_s)}, W = {design.width}"
    )
    return nearest.wish, to, gives


def front_shown(wishes: Wishes, terms: Terms, front: Front) -> Table:
    """Return the costs by latency and entropy; those that another design beats in all ways are dim."""
    table = Table(
        title=f"Cost of a user and month, {terms.prices.currency} (dim: beaten by another in all ways)",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
    )
    table.add_column(LATENCY_NAMES[wishes.latency_kind], justify="right")
    for bits in front.bits:
        table.add_column(f"{bits:g} bits", justify="right")
    for latency_s, row in zip(front.latencies_s, front.rows, strict=True):
        table.add_row(seconds(latency_s), *(_cell(wishes, cell) for cell in row))
    return table


def _cell(wishes: Wishes, cell: Cell) -> Text:
    if cell.found is None:
        return Text("-", style="dim")
    wished = cell.latency_s == wishes.latency_s and cell.bits == wishes.bits
    style = "bold green" if wished else "dim" if cell.beaten else ""
    return Text(digits(cell.found.cost_user_month), style=style)


def _title(wishes: Wishes) -> Text:
    budget = "" if wishes.budget_user_month is None else f", for {digits(wishes.budget_user_month)} a user and month"
    asked = f"; requests of {wishes.request_bytes:,} B, answers of {wishes.answer_bytes:,} B"
    asked = asked if wishes.request_bytes else ""
    return Text(
        f"\nWanted: {wishes.bits:g} bits, {LATENCY_NAMES[wishes.latency_kind]} within {seconds(wishes.latency_s)}"
        f"{budget}"
        f"\n        {wishes.users:,} users, {wishes.online_share:.0%} of them linked at a time; each writes "
        f"{wishes.messages_per_day:g} messages\n        a day of {counted(wishes.packets_per_message, 'packet')}"
        f"{asked}",
        style="bold",
    )


def _to_run(plan: Plan) -> Table:
    design, scenario = plan.design, plan.scenario
    table = _table("What to run", "", "", "", show_header=False)
    chosen = scenario.traffic
    table.add_row("mixes", f"{plan.terms.layers} x {design.width:,}", f"layers x W; {plan.layer_bound}")
    table.add_row("providers", f"{design.providers:,}", "each takes its users' packets, and their answers")
    table.add_row("machines", f"{plan.machines:,}", f"with {counted(plan.terms.cores, 'core')} each")
    table.add_row(
        "mean delay", seconds(design.delay_mean_s), "at each of " + f"{plan.terms.layers + 1} nodes of a path"
    )
    table.add_row("payloads", f"{digits(chosen.payload_rate_per_s)} /s", f"a user's stream; {plan.rates_bound}")
    table.add_row("loops", f"{digits(chosen.loop_rate_per_s)} /s", "a user's, and back")
    table.add_row("drop cover", f"{digits(chosen.drop_rate_per_s)} /s", "a user's")
    table.add_row(
        "pulls", f"{digits(chosen.pull_rate_per_s)} /s", f"each answered by {counted(chosen.pull_batch, 'item')}"
    )
    table.add_row("node loops", f"{digits(chosen.node_loop_rate_per_s)} /s", "of each mix and provider")
    return table


def _widths(plan: Plan, cost: PacketCost) -> Group:
    terms, design = plan.terms, plan.design
    cores = f" / {terms.cores} cores" if terms.cores > 1 else ""
    lines = Text()
    lines.append("\nHow wide a layer may be: ", style="bold")
    lines.append(
        f"lambda c / rho{cores} <= W <= lambda theta / {terms.least_pool:g}\n"
        f"  c = {seconds(cost.seconds)}, rho = {terms.utilisation:g}, theta = {seconds(design.delay_mean_s)}\n",
    )
    for name, interval, chosen in (
        ("mixes", plan.layer, design.width),
        ("providers", plan.hosting, design.providers),
    ):
        lines.append(f"  {name:<10}{digits(interval.least):>7} ")
        lines.append_text(_bar(interval, chosen))
        lines.append(f" {digits(interval.most):<7} here {chosen:,}\n")
    lines.append("  The left end is the processors', the right end anonymity's.", style="dim")
    return Group(lines)


def _bar(interval: WidthInterval, chosen: int) -> Text:
    """Return the interval as a line on a logarithmic scale, with the width that is chosen on it."""
    # On a logarithmic scale, because the two ends are often a factor of a hundred apart.
    low, high = max(interval.least, 1e-3), max(interval.most, chosen, 1e-3)
    share = 0.0 if high <= low else log(max(chosen, low) / low) / log(high / low)
    place = min(_BAR - 1, max(0, round(share * (_BAR - 1))))
    return Text.assemble(("─" * place, "dim"), ("●", "bold green"), ("─" * (_BAR - 1 - place), "dim"))


def _gives(plan: Plan) -> Table:
    table = _table("What it gives, by theory", "", "", "wanted", show_header=False)
    for name, value, wanted in _given(plan):
        table.add_row(name, value, wanted)
    return table


def _given(plan: Plan) -> Iterator[tuple[str, str, str]]:
    figures, wishes, prices = plan.figures, plan.wishes, plan.terms.prices
    bits, kind = figures[Measure.ENTROPY_BITS], wishes.latency_kind
    yield "entropy", f"{bits:.2f} bits", f">= {wishes.bits:g} bits"
    yield "anonymity set", f"{digits(figures[Measure.ANONYMITY_SET])} packets", ""
    yield (
        "network latency, mean, 95 %",
        _both(figures[Measure.LATENCY_MEAN_S], figures[Measure.LATENCY_P95_S]),
        _limit(wishes) if "network" in kind else "",
    )
    yield (
        "delivery, mean, 95 %",
        _both(figures[Measure.DELIVERY_MEAN_S], figures[Measure.DELIVERY_P95_S]),
        _limit(wishes) if "delivery" in kind else "",
    )
    if Measure.REQUEST_MEAN_S in figures:
        yield "request, mean, 95 %", _both(figures[Measure.REQUEST_MEAN_S], figures[Measure.REQUEST_P95_S]), ""
    up, down = figures[Measure.USER_UP_BYTES_PER_S], figures[Measure.USER_DOWN_BYTES_PER_S]
    yield "a linked user sends", f"{amount_of_bytes(up)}/s, {amount_of_bytes(month_bytes(up))} a month", ""
    yield "a linked user gets", f"{amount_of_bytes(down)}/s, {amount_of_bytes(month_bytes(down))} a month", ""
    yield "cover", f"{figures[Measure.COVER_SHARE]:.2%} of what users send", ""
    yield (
        "mixes work, hold",
        f"{figures[Measure.UTILISATION]:.0%} of the time, {digits(figures[Measure.POOL_MEAN])} packets",
        "",
    )
    yield "nodes send", f"{amount_of_bytes(month_bytes(plan.node_bytes_per_s))} a month", ""
    budget = wishes.budget_user_month
    wanted = "" if budget is None else f"<= {money(budget, prices.currency)}"
    yield "cost, a user and month", money(figures[Measure.COST_USER_MONTH], prices.currency), wanted
    machines = plan.machines * plan.terms.cores * prices.core_month
    yield (
        "cost, all, a month",
        f"{money(plan.month_cost, prices.currency)}: {money(machines)} machines, "
        f"{money(plan.month_cost - machines)} traffic",
        "",
    )


def _both(mean_s: float, p95_s: float) -> str:
    return f"{seconds(mean_s)}, {seconds(p95_s)}"


def _limit(wishes: Wishes) -> str:
    return f"{'95 %' if wishes.latency_kind.endswith('p95') else 'mean'} <= {seconds(wishes.latency_s)}"


def _notes(plan: Plan, cost: PacketCost) -> Iterator[str]:
    prices = plan.terms.prices
    yield f"c = {seconds(cost.seconds)} a packet: {cost.detail}."
    yield (
        f"Prices of {prices.date}: {prices.core_month:g} {prices.currency} a core and month, "
        f"{prices.traffic_gb:g} {prices.currency} for 10^9 bytes that a node sends "
        f"(frames of {traffic.frame_bytes(plan.scenario):,} bytes)."
    )
    yield f"Links: {seconds(plan.terms.link_latency_s)} each, {plan.terms.layers + 2} on the way and one to the reader."
    yield from plan.notes
    yield from _below_floors(plan)


def _below_floors(plan: Plan) -> Iterator[str]:
    if faults := params_of(plan.scenario).floor_faults:
        yield f"Clients refuse this network, unless users allow it: {'; '.join(faults)} (docs/protocol/floors.md)."


def _table(title: str, *columns: str, show_header: bool = True) -> Table:
    table = Table(
        title=f"\n{title}", title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_header=show_header
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
