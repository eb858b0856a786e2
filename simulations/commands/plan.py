"""`loopixmix simulate plan`: from what is wanted to rates, widths, machines, bandwidth and cost."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from loopixmix.errors import MisuseError
from loopixmix.main import EXIT_FAILED

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from simulations.planner.packet_cost import PacketCost
    from simulations.planner.plan import Answer, Plan
    from simulations.planner.wishes import LatencyKind
    from simulations.scenario.values import Prices, Scenario

ROOT = Path(__file__).parents[2]
PIPED_COLUMNS = 100
KINDS = ("delivery-p95", "delivery-mean", "network-p95", "network-mean")


@click.command()
@click.option("--users", type=int, required=True, help="How many people use the network.")
@click.option("--bits", type=float, required=True, help="Wanted: entropy of a packet, bits.")
@click.option("--latency", "latency_s", type=float, required=True, metavar="SECONDS", help="Wanted: at most this.")
@click.option(
    "--latency-of",
    "latency_kind",
    type=click.Choice(KINDS),
    default="delivery-p95",
    show_default=True,
    help="Of what: a message from hand to hand, or a packet in the network; the 95 % quantile or the mean.",
)
@click.option("--budget", type=float, metavar="MONEY", help="Wanted: cost of a user and month, at most this.")
@click.option("--budget-month", type=float, metavar="MONEY", help="Wanted: cost of all a month, at most this.")
@click.option("--messages", "messages_per_day", default=40.0, show_default=True, help="A user writes a day.")
@click.option("--packets", "packets_per_message", default=2, show_default=True, help="Packets of a message.")
@click.option("--request-bytes", default=0, show_default=True, help="Tell the time of such a request ...")
@click.option("--answer-bytes", default=0, show_default=True, help="... with such an answer.")
@click.option("--online", "online_share", default=1.0, show_default=True, help="Share of users linked at a time.")
@click.option(
    "--waits", "waits_s", default=5.0, show_default=True, help="With network-*: mean wait for a turn, and for a pull."
)
@click.option("--layers", default=3, show_default=True, help="Layers of mixes.")
@click.option("--cores", default=1, show_default=True, help="Processors of each machine.")
@click.option("--utilisation", default=0.5, show_default=True, help="How busy processors may be (rho).")
@click.option("--packet-cost-s", type=float, help="A core's seconds for one packet (c).  [default: as benchmarked]")
@click.option("--link-latency", "link_latency_s", default=0.05, show_default=True, help="Seconds on each link.")
@click.option("--link-loss", default=0.0, show_default=True, help="Share of packets that a link loses.")
@click.option("--loops", "loop_share", default=0.25, show_default=True, help="A user's loops for each payload.")
@click.option("--drops", "drop_share", default=0.25, show_default=True, help="A user's drop cover for each payload.")
@click.option("--least-width", default=3, show_default=True, help="Mixes of a layer, and providers, at least.")
@click.option("--core-month", type=float, help="Price of a core and month.  [default: a scenario's]")
@click.option("--traffic-gb", type=float, help="Price of 10^9 bytes that a node sends.  [default: a scenario's]")
@click.option(
    "--scenario",
    "scenario_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the plan as a scenario, for `simulate run`.",
)
@click.option("--force", is_flag=True, help="Write over an existing FILE.")
@click.option("--no-front", is_flag=True, help="Leave out what else could be had (some seconds).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def plan(
    users: int,
    bits: float,
    latency_s: float,
    latency_kind: LatencyKind,
    budget: float | None,
    budget_month: float | None,
    messages_per_day: float,
    packets_per_message: int,
    request_bytes: int,
    answer_bytes: int,
    online_share: float,
    waits_s: float,
    layers: int,
    cores: int,
    utilisation: float,
    packet_cost_s: float | None,
    link_latency_s: float,
    link_loss: float,
    loop_share: float,
    drop_share: float,
    least_width: int,
    core_month: float | None,
    traffic_gb: float | None,
    scenario_file: Path | None,
    force: bool,
    no_front: bool,
    as_json: bool,
) -> None:
    """Plan a network: wanted bits, latency and budget in, rates and machines out.

    The cheapest network of deployed nodes that does what is wanted, by theory: `docs/planning.md` says how. Where there
    is none it says which wishes conflict and what comes nearest, and the exit code is 1.
    """
    from simulations.planner.packet_cost import packet_cost
    from simulations.planner.plan import Plan, make_plan
    from simulations.planner.wishes import Terms, Wishes

    if scenario_file is not None and scenario_file.exists() and not force:
        raise MisuseError(f"{scenario_file}: is there already (--force writes over it)")
    wishes = Wishes(
        bits=bits,
        latency_s=latency_s,
        users=users,
        latency_kind=latency_kind,
        messages_per_day=messages_per_day,
        packets_per_message=packets_per_message,
        online_share=online_share,
        request_bytes=request_bytes,
        answer_bytes=answer_bytes,
        budget_user_month=_budget(budget, budget_month, users),
    )
    cost = packet_cost(packet_cost_s, places=(Path.cwd(), ROOT))
    terms = Terms(
        packet_cost_s=cost.seconds,
        layers=layers,
        cores=cores,
        utilisation=utilisation,
        link_latency_s=link_latency_s,
        link_loss=link_loss,
        loop_share=loop_share,
        drop_share=drop_share,
        waits_s=waits_s,
        least_width=least_width,
        prices=_prices(core_month, traffic_gb),
    )
    with _waiting():
        answer = make_plan(wishes, terms)
    _print(answer, cost, with_front=not no_front, as_json=as_json)
    if isinstance(answer, Plan) and scenario_file is not None:
        _write(answer, scenario_file)
    # A plan that misses its wishes is told and printed, but a script must not take it for one that meets them.
    if not (isinstance(answer, Plan) and answer.passed):
        raise click.exceptions.Exit(EXIT_FAILED)


def _budget(user_month: float | None, month: float | None, users: int) -> float | None:
    if user_month is not None and month is not None:
        raise click.UsageError("--budget is for one user and --budget-month for all: give one of them")
    return user_month if month is None else month / max(users, 1)


def _prices(core_month: float | None, traffic_gb: float | None) -> Prices:
    from simulations.scenario.values import Prices

    known = Prices()
    found = Prices(
        date=known.date if core_month is None and traffic_gb is None else "the command line",
        currency=known.currency,
        core_month=known.core_month if core_month is None else core_month,
        traffic_gb=known.traffic_gb if traffic_gb is None else traffic_gb,
    )
    if not (found.core_month >= 0 and found.traffic_gb >= 0):
        raise MisuseError("--core-month and --traffic-gb are prices: they must not be negative")
    return found


def _waiting() -> AbstractContextManager[object]:
    from rich.console import Console

    from loopixmix.progress import waiting

    return waiting(Console(stderr=True), "Looking for the cheapest network ...")


def _print(answer: Answer, cost: PacketCost, *, with_front: bool, as_json: bool) -> None:
    from rich.console import Console

    from simulations.planner.display import infeasible_shown, plan_shown
    from simulations.planner.front import front_of
    from simulations.planner.plan import Plan
    from simulations.planner.report import report_of

    front = None
    if with_front and isinstance(answer, Plan):
        with _waiting():
            front = front_of(answer.wishes, answer.terms)
    if as_json:
        click.echo(msgspec.json.encode(report_of(answer, cost, front)).decode())
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_COLUMNS)
    shown = plan_shown(answer, cost, front) if isinstance(answer, Plan) else infeasible_shown(answer, cost)
    console.print(shown)


def _write(plan: Plan, path: Path) -> None:
    from simulations.planner.report import wishes_in_words
    from simulations.scenario import to_toml

    scenario = msgspec.structs.replace(plan.scenario, description=wishes_in_words(plan.wishes))
    try:
        path.write_text(to_toml(scenario), encoding="utf-8")
    except OSError as error:
        raise MisuseError(f"{path}: cannot be written: {error.strerror}") from error
    click.echo(
        f"{path}: the plan as a scenario; `loopixmix simulate run {path}{_engine_for(scenario)} checks it", err=True
    )


def _engine_for(scenario: Scenario) -> str:
    """Return the option that a run of this scenario needs, and why, up to the end of the command."""
    from simulations.workbench.engines import engine_named

    # The engine of `simulate run` unless it is told another one.
    try:
        engine_named("vector").check(scenario)
    except MisuseError as error:
        return f" --engine exact` (too much for others: {error})"
    return "`"
