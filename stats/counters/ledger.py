"""A collector's store of counters: each share is kept once, and each total told once."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, insert, select

from loopixmix.errors import MisuseError
from stats.counters.plan import CounterPlan, encode_plan
from stats.counters.shares import CounterShare, decode_share
from stats.counters.store import plans, shares, totals
from stats.counters.totals import CounterTotal, total_of

MOST_PLANS = 100


class HeldPlan(msgspec.Struct, frozen=True):
    """A plan, and which of its collectors this one is."""

    plan: CounterPlan
    collector: int


def add_plan(connection: Connection, plan: CounterPlan, collector: int) -> None:
    """Add a plan, once; raise `MisuseError` if there are too many, or if it is held for another collector."""
    held = find_plan(connection, plan.plan_id)
    if held is not None:
        if held.collector != collector:
            raise MisuseError(f"the plan is held already, as {plan.collectors[held.collector]}")
        return
    if len(connection.execute(select(plans.c.plan_id)).all()) >= MOST_PLANS:
        raise MisuseError(f"a collector has at most {MOST_PLANS} plans of counters")
    row = {"plan_id": plan.plan_id, "plan": encode_plan(plan), "collector": collector}
    connection.execute(insert(plans), row)


def find_plan(connection: Connection, plan_id: bytes) -> HeldPlan | None:
    """Return a plan that was added."""
    row = connection.execute(select(plans.c.plan, plans.c.collector).where(plans.c.plan_id == plan_id)).first()
    return None if row is None else HeldPlan(msgspec.json.decode(bytes(row.plan), type=CounterPlan), row.collector)


def put_share(connection: Connection, share: CounterShare, data: bytes) -> bool:
    """Keep a share; return whether it counts: the same one again does, another of its node and period does not.

    `data`: its bytes. Once the total of its period is told, no share is kept.
    """
    known = select(shares.c.share).where(_place(share.plan_id, share.period) & (shares.c.node == share.node))
    row = connection.execute(known).first()
    if row is not None:
        return bytes(row.share) == data
    if find_total(connection, share.plan_id, share.period) is not None:
        return False
    place = {"plan_id": share.plan_id, "period": share.period, "node": share.node}
    connection.execute(insert(shares), {**place, "share": data})
    return True


def present_nodes(connection: Connection, plan: CounterPlan, period: int) -> list[str]:
    """Return the names of the nodes whose share of a period is here, in the order of the plan."""
    total = find_total(connection, plan.plan_id, period)
    if total is not None:
        return list(total.nodes)
    found = connection.execute(select(shares.c.node).where(_place(plan.plan_id, period)))
    return [plan.nodes[node].name for node in sorted(found.scalars())]


def tell_total(connection: Connection, held: HeldPlan, period: int, among: list[str] | None) -> CounterTotal:
    """Return the total of a period, over the nodes of `among` whose shares are here; all of them, if that is None.

    It is told once: afterwards the shares are erased, and the same total is returned for the same nodes only. The
    difference of two totals would tell about single nodes. Raises `MisuseError`.
    """
    plan = held.plan
    told = find_total(connection, plan.plan_id, period)
    if told is not None:
        if among is not None and [name for name in told.nodes if name in among] != list(told.nodes):
            raise MisuseError("the total of this period was told already, of other nodes, and is never told of fewer")
        return told
    kept = _shares(connection, held, period)
    chosen = {node: values for node, values in kept.items() if among is None or plan.nodes[node].name in among}
    total = total_of(plan, period, held.collector, chosen)
    place = {"plan_id": plan.plan_id, "period": period}
    connection.execute(insert(totals), {**place, "total": msgspec.json.encode(total)})
    connection.execute(delete(shares).where(_place(plan.plan_id, period)))
    return total


def find_total(connection: Connection, plan_id: bytes, period: int) -> CounterTotal | None:
    """Return the total that was told of a period."""
    chosen = select(totals.c.total).where((totals.c.plan_id == plan_id) & (totals.c.period == period))
    row = connection.execute(chosen).first()
    return None if row is None else msgspec.json.decode(bytes(row.total), type=CounterTotal)


def _shares(connection: Connection, held: HeldPlan, period: int) -> Mapping[int, tuple[int, ...]]:
    found = connection.execute(select(shares.c.share).where(_place(held.plan.plan_id, period))).scalars()
    decoded = [decode_share(bytes(data), held.plan) for data in found]
    return {share.node: share.values for share in decoded}


def _place(plan_id: bytes, period: int) -> ColumnElement[bool]:
    return (shares.c.plan_id == plan_id) & (shares.c.period == period)
