"""`loopixmix stats counters`: plan what nodes count, and add up what collectors tell."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from loopixmix.errors import ConfigError, FormatError, MisuseError
from stats.cli.files import NEW, READ, create, read
from stats.cli.outside import AS_JSON, DIRECTORY, stats_outside

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from stats.counters.plan import CounterPlan

_T = TypeVar("_T")
_PLAN = click.argument("plan", metavar="PLAN", type=READ)
_PERIOD = click.argument("period", type=click.IntRange(0, 399))


@click.group()
def counters() -> None:
    """Count over all nodes of a network, so that nobody learns the count of one.

    `new` writes an example of a plan, `check` says what noise it needs. Each collector holds the plan (`add`). It tells
    once for each period which nodes it has shares of (`nodes`), and their total (`total`). `sum` adds the totals.
    """


@counters.command()
@click.argument("out", metavar="PLAN", type=NEW)
def new(out: Path) -> None:
    """Write an example into the new file PLAN. Put the nodes' keys into it, as `relay init` printed them."""
    import msgspec

    from stats.counters.example import example_plan

    plan = example_plan(stats_outside().now_s())
    create(out, msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n", mode=0o644)
    click.echo(f"{out}: written; next:  loopixmix stats counters check {out}")


@counters.command()
@_PLAN
@AS_JSON
def check(plan: Path, as_json: bool) -> None:
    """Check PLAN, and print its id, the noise of each counter, and how far a sum will be off."""
    from stats.counters.noise import node_sigmas, promised
    from stats.counters.totals import margin_of

    found = _read_plan(plan)
    sigmas = node_sigmas(found)
    margins = {
        counter.name: margin_of(sigma, len(found.nodes)) for counter, sigma in zip(found.counters, sigmas, strict=True)
    }
    eps = promised(found, sigmas, found.honest)
    if as_json:
        click.echo(json.dumps({"plan": found.plan_id.hex(), "eps": eps, "sigmas": sigmas, "margins": margins}))
        return
    click.echo(f"plan {found.plan_id.hex()}: {len(found.nodes)} nodes, eps = {eps:.4g} at delta = {found.delta}")
    for counter, sigma in zip(found.counters, sigmas, strict=True):
        click.echo(f"{counter.name}: each node adds noise of {sigma}; the sum is off by up to {margins[counter.name]}")


@counters.command()
@DIRECTORY
@_PLAN
@click.option("--as", "name", required=True, help="Which of the plan's collectors this one is.")
def add(directory: Path, plan: Path, name: str) -> None:
    """Let the collector of DIR take shares for PLAN, and print the plan's id."""
    from stats.counters.ledger import add_plan

    found = _read_plan(plan)
    if name not in found.collectors:
        raise MisuseError(f"{plan}: its collectors are {', '.join(found.collectors)}, not {name}")
    with _store(directory) as write:
        write(lambda connection: add_plan(connection, found, found.collectors.index(name)))
    click.echo(found.plan_id.hex())


@counters.command()
@DIRECTORY
@_PLAN
@_PERIOD
def nodes(directory: Path, plan: Path, period: int) -> None:
    """Print the nodes whose shares of PERIOD the collector of DIR has, as JSON, for the other collectors."""
    from stats.counters.ledger import present_nodes

    found = _ended(plan, period)
    with _store(directory) as write:
        click.echo(json.dumps(write(lambda connection: present_nodes(connection, found, period))))


@counters.command()
@DIRECTORY
@_PLAN
@_PERIOD
@click.argument("out", metavar="OUT", type=NEW)
@click.option("--only", "lists", type=READ, multiple=True, help="What `nodes` printed at another collector.")
def total(directory: Path, plan: Path, period: int, out: Path, lists: tuple[Path, ...]) -> None:
    """Write the total of PERIOD into the new file OUT, over the nodes that all collectors have.

    A total is told once: afterwards the shares are erased, and it is never told of other nodes, since the difference of
    two totals would tell about single nodes. So compare the lists of `nodes` first.
    """
    import msgspec

    from stats.counters.ledger import find_plan, tell_total

    found = _ended(plan, period)
    among = [name for path in lists for name in _read_names(path)]
    common = [name for name in dict.fromkeys(among) if among.count(name) == len(lists)] if lists else None

    def work(connection: Connection) -> bytes:
        held = find_plan(connection, found.plan_id)
        if held is None:
            raise MisuseError(f"{directory}: the collector does not hold this plan")
        return msgspec.json.encode(tell_total(connection, held, period, common))

    if out.exists():
        raise ConfigError(f"{out}: exists already and is never overwritten")
    with _store(directory) as write:
        create(out, write(work) + b"\n", mode=0o644)
    click.echo(f"{out}: written; next:  loopixmix stats counters sum {plan} {out} OTHERS")


@counters.command(name="sum")
@_PLAN
@click.argument("totals", type=READ, nargs=-1, required=True)
@AS_JSON
def sum_totals(plan: Path, totals: tuple[Path, ...], as_json: bool) -> None:
    """Add the TOTALS that all collectors told of a period, and print the counters over all nodes.

    They have to be of the same nodes. Each counter is told with the interval in which it is with 95 % confidence,
    without the noise.
    """
    import msgspec

    from stats.counters.totals import read_total, summed

    found = _read_plan(plan)
    told = []
    for path in totals:
        try:
            told.append(read_total(read(path), found))
        except FormatError as error:
            raise ConfigError(f"{path}: {error}") from error
    result = summed(found, told)
    if as_json:
        click.echo(msgspec.json.encode(result).decode())
        return
    click.echo(f"period {result.period}: {len(result.nodes)} nodes; missing: {', '.join(result.missing) or 'none'}")
    click.echo(f"eps = {result.eps:.4g} at delta = {result.delta:g}, if at most {found.dishonest} nodes lie")
    for counter in result.counters:
        click.echo(f"{counter.name}: {counter.value:,} (95 %: {counter.low:,} to {counter.high:,})")


def _read_plan(path: Path) -> CounterPlan:
    from stats.counters.plan import read_plan

    try:
        return read_plan(read(path))
    except (FormatError, MisuseError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _ended(path: Path, period: int) -> CounterPlan:
    """Return the plan, if no share of the period can come any more: earlier, the list of nodes is not the last one."""
    plan = _read_plan(path)
    if period >= plan.periods:
        raise MisuseError(f"{path}: the plan has periods 0 to {plan.periods - 1}")
    left_s = plan.ends_s(period) + plan.deliver_s - stats_outside().now_s()
    if left_s > 0:
        raise MisuseError(f"shares of period {period} are taken for another {left_s:.0f} s")
    return plan


def _read_names(path: Path) -> list[str]:
    try:
        found = json.loads(read(path))
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ConfigError(f"{path}: it is no list of nodes, as `loopixmix stats counters nodes` prints it")
    return list(dict.fromkeys(found))


@contextlib.contextmanager
def _store(directory: Path) -> Iterator[Callable[[Callable[[Connection], _T]], _T]]:
    from loopixmix.store.transactions import Store
    from stats.counters.store import SCHEMA
    from stats.running.directory import CollectorDirectory

    store = Store(SCHEMA, CollectorDirectory(directory).counters_url)
    try:
        yield store.write
    finally:
        store.close()
