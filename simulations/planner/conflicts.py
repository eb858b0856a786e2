"""Wishes that cannot be met together, and the nearest that can."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from loopixmix.errors import MisuseError
from simulations.formulas.delivery import ANSWER_S
from simulations.planner.design import MOST_NODES
from simulations.planner.search import Found, cheapest
from simulations.planner.wishes import Terms, Wishes

_STEPS = 30
# A wish is told to three digits, and each step of the halving is a search of its own.
_PRECISION = 4e-3
_LONGEST_S = 86_400.0
_LEAST_BITS = 0.1
_MOST_USERS = 10_000_000


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """One wish changed, all others kept: its name, what it would have to be, and the design that this gives."""

    wish: str
    value: float
    found: Found


@dataclass(frozen=True, kw_only=True)
class Infeasible:
    """No network meets all wishes. `conflict`: one sentence; `nearest`: for each wish that could give way, how far."""

    WISHES: ClassVar[tuple[str, ...]] = ("budget", "latency", "bits", "users")

    wishes: Wishes
    terms: Terms
    conflict: str
    nearest: tuple[Nearest, ...]

    @property
    def in_vain(self) -> tuple[str, ...]:
        """The wishes of which no change alone is enough."""
        enough = {each.wish for each in self.nearest}
        if self.wishes.budget_user_month is None:
            enough.add("budget")
        return tuple(wish for wish in self.WISHES if wish not in enough)


def why_infeasible(wishes: Wishes, terms: Terms, found: Found | None) -> Infeasible:
    """Return which wishes conflict, `found` being the cheapest that meets bits and latency, if anything does."""
    conflict = _too_quick(wishes, terms) if found is None else _too_dear(wishes, terms, found)
    return Infeasible(wishes=wishes, terms=terms, conflict=conflict, nearest=tuple(_nearest(wishes, terms, found)))


def fixed_s(wishes: Wishes, terms: Terms) -> float:
    """Return what links take, and the answer to a pull, whatever the rates."""
    links = terms.layers + 2
    if wishes.latency_kind.startswith("network"):
        return links * terms.link_latency_s
    return (links + 1) * terms.link_latency_s + ANSWER_S


def _too_quick(wishes: Wishes, terms: Terms) -> str:
    fixed = fixed_s(wishes, terms)
    if fixed >= wishes.latency_s:
        return (
            f"The latency of {wishes.latency_s:g} s conflicts with the links: {terms.layers} layers and providers at "
            f"{terms.link_latency_s:g} s a link take {fixed:.3g} s, without any delay."
        )
    without = _cheapest(replace(wishes, bits=_LEAST_BITS), terms)
    if without is not None:
        return (
            f"{wishes.bits:g} bits conflict with a latency of {wishes.latency_s:g} s for {wishes.users:,} users: no "
            "rate that a network document allows gives so many packets in so little time."
        )
    return (
        f"The latency of {wishes.latency_s:g} s conflicts with what a packet costs and what users have to say: turns, "
        "pulls, links and delays that fill the pools do not fit into it at any rate that a network document allows, "
        f"with {MOST_NODES:,} nodes of a kind at most."
    )


def _too_dear(wishes: Wishes, terms: Terms, found: Found) -> str:
    least = cheapest(replace(wishes, bits=_LEAST_BITS, latency_s=_LONGEST_S), terms)
    if least is not None and wishes.budget_user_month is not None and least.cost_user_month > wishes.budget_user_month:
        return (
            f"The budget of {wishes.budget_user_month:.3g} a user and month conflicts with the number of users: the "
            f"fewest machines and what {wishes.users:,} users have to say cost {least.cost_user_month:.3g}, whatever "
            "the latency and the entropy."
        )
    return (
        f"{wishes.bits:g} bits within {wishes.latency_s:g} s conflict with the budget: they cost "
        f"{found.cost_user_month:.3g} a user and month, and {wishes.budget_user_month:.3g} is given."
    )


def _nearest(wishes: Wishes, terms: Terms, found: Found | None) -> Iterator[Nearest]:
    if found is not None:
        yield Nearest(wish="budget", value=found.cost_user_month, found=found)
    slower = _least(lambda value: replace(wishes, latency_s=value), terms, wishes.latency_s, _LONGEST_S)
    if slower is not None:
        yield Nearest(wish="latency", value=slower[0], found=slower[1])
    fewer = _least(lambda value: replace(wishes, bits=-value), terms, -wishes.bits, -_LEAST_BITS)
    if fewer is not None:
        yield Nearest(wish="bits", value=-fewer[0], found=fewer[1])
    more = _least(lambda value: replace(wishes, users=round(value)), terms, wishes.users, _MOST_USERS)
    if more is not None:
        yield Nearest(wish="users", value=round(more[0]), found=more[1])


def _least(changed: Callable[[float], Wishes], terms: Terms, start: float, end: float) -> tuple[float, Found] | None:
    """Return the first value from `start` to `end` at which everything can be had, and what that gives."""
    # The far end first: if that does not do, no change of this wish alone does, and there is nothing to halve.
    best = _cheapest(changed(end), terms) if start < end else None
    if best is None:
        return None
    low, high = start, end
    for _ in range(_STEPS):
        if abs(high - low) <= _PRECISION * abs(high):
            break
        # By factors if possible: wishes span decades.
        middle = (low * high) ** 0.5 if low > 0 else (low + high) / 2
        found = _cheapest(changed(middle), terms)
        if found is None:
            low = middle
        else:
            high, best = middle, found
    return high, best


def _cheapest(wishes: Wishes, terms: Terms) -> Found | None:
    try:
        found = cheapest(wishes, terms)
    except MisuseError:
        return None
    budget = wishes.budget_user_month
    return None if found is None or (budget is not None and found.cost_user_month > budget) else found
