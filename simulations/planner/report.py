"""Plans as programs read them: the shape of every verdict, and the rest of the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import msgspec

from loopixmix.verdict import Check, Verdict
from simulations.formulas.capacity import WidthInterval
from simulations.measures.catalogue import Measure
from simulations.planner.conflicts import Infeasible
from simulations.planner.front import Front
from simulations.planner.packet_cost import PacketCost
from simulations.planner.plan import Plan
from simulations.planner.search import Found
from simulations.planner.wishes import Wishes


class Report(Verdict, frozen=True, kw_only=True):
    """The output of `plan --json`: a verdict whose checks are the wishes, and the rest of the plan."""

    packet_cost: Mapping[str, object]
    wishes: Mapping[str, object]
    terms: Mapping[str, object]
    plan: Mapping[str, object] | None = None
    conflict: str | None = None
    nearest: Sequence[Mapping[str, object]] = ()
    front: Sequence[Mapping[str, object]] = ()
    notes: Sequence[str] = ()


def report_of(answer: Plan | Infeasible, cost: PacketCost, front: Front | None) -> Report:
    """Return a plan, or why there is none, as one object."""
    terms = {**asdict(answer.terms), "prices": msgspec.to_builtins(answer.terms.prices)}
    if isinstance(answer, Infeasible):
        return Report(
            passed=False,
            checks=[Check(name="feasible", passed=False, value=None, expected="", detail=answer.conflict)],
            figures={},
            packet_cost=asdict(cost),
            wishes=asdict(answer.wishes),
            terms=terms,
            conflict=answer.conflict,
            nearest=[{"wish": each.wish, "value": each.value, **_found(each.found)} for each in answer.nearest],
        )
    return Report(
        passed=answer.passed,
        checks=_checks(answer),
        figures={**answer.figures, "cost_month": answer.month_cost, "machines": answer.machines},
        packet_cost=asdict(cost),
        wishes=asdict(answer.wishes),
        terms=terms,
        plan=_plan(answer),
        front=[]
        if front is None
        else [
            {"latency_s": cell.latency_s, "wished_bits": cell.bits, **_found(cell.found)}
            for cell in front.unbeaten
            if cell.found is not None
        ],
        notes=answer.notes,
    )


def _plan(plan: Plan) -> dict[str, object]:
    return {
        **asdict(plan.design),
        "loop_rate_per_s": plan.scenario.traffic.loop_rate_per_s,
        "drop_rate_per_s": plan.scenario.traffic.drop_rate_per_s,
        "machines": plan.machines,
        "width_interval": _interval(plan.layer),
        "providers_interval": _interval(plan.hosting),
        "width_bound": plan.layer_bound,
        "rates_bound": plan.rates_bound,
        "node_bytes_per_s": plan.node_bytes_per_s,
        "scenario": msgspec.to_builtins(plan.scenario),
    }


def _interval(interval: WidthInterval) -> dict[str, float]:
    return {"least": interval.least, "most": interval.most}


def _found(found: Found) -> dict[str, object]:
    return {"design": asdict(found.design), "bits": found.bits, "cost_user_month": found.cost_user_month}


def _checks(plan: Plan) -> list[Check]:
    wishes, figures = plan.wishes, plan.figures
    checks = [
        _check(
            Measure.ENTROPY_BITS,
            figures[Measure.ENTROPY_BITS] >= wishes.bits - 0.005,
            figures[Measure.ENTROPY_BITS],
            ">=",
            wishes.bits,
        ),
        _check(wishes.latency_kind, plan.latency_s <= wishes.latency_s * 1.002, plan.latency_s, "<=", wishes.latency_s),
    ]
    if wishes.budget_user_month is not None:
        cost = figures[Measure.COST_USER_MONTH]
        checks.append(
            _check(Measure.COST_USER_MONTH, cost <= wishes.budget_user_month, cost, "<=", wishes.budget_user_month)
        )
    return checks


def _check(name: str, passed: bool, value: float, sign: str, limit: float) -> Check:
    return Check(name=name, passed=passed, value=value, expected=f"{sign} {limit:g}", detail="by theory")


def wishes_in_words(wishes: Wishes) -> str:
    """Return the wishes in one line, for the description of a scenario."""
    return (
        f"A plan for {wishes.users:,} users: {wishes.bits:g} bits, {wishes.latency_kind} within {wishes.latency_s:g} s."
    )
