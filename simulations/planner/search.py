"""The cheapest design that gives the wished entropy within the wished latency.

Cost rises with the rates of users; entropy rises with rates and delay; latency falls with rates and rises with delay.
So at each rate the least delay that anonymity needs is known in closed form, and the least rate at which that delay is
quick enough is found by halving: one dimension, for each of some rates of pulls.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor, log, log10

from simulations.flows import traffic
from simulations.flows.rates import flows_of
from simulations.planner.design import Design, entropy_bits, least_pool_of, scenario_of, sized
from simulations.planner.times import Waits
from simulations.planner.wishes import Terms, Wishes

MOST_RATE_PER_S = 10_000.0
"""The most that a network document allows (`loopixmix.params.Rate`)."""
# A delay may reach 27.6 means, and keys live an hour.
LONGEST_DELAY_MEAN_S = 130.0
PULLS_PER_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_USUAL_PULLS = 5.0
# Half of the turns: beyond that the queues in clients grow quickly.
_TURN_LOAD = 0.5
_LEAST_RATE_PER_S = 1e-5
_PRECISION = 2e-3
_STEP = 4.0


@dataclass(frozen=True, kw_only=True)
class Found:
    """A design and its cost for one user and month."""

    design: Design
    bits: float
    cost_user_month: float


def cheapest(wishes: Wishes, terms: Terms) -> Found | None:
    """Return the cheapest design that meets the wishes for bits and latency, whatever the budget; None without one."""
    best = _cheapest_rates(wishes, terms)
    if best is None:
        return None
    # What the rates leave of the latency goes into delay: it costs nothing and is entropy.
    waits = Waits(wishes, terms, payload_rate_per_s=best.payload_rate_per_s, pull_rate_per_s=best.pull_rate_per_s)
    delay_s = waits.longest_delay_mean_s(LONGEST_DELAY_MEAN_S)
    if delay_s <= 0:
        return None
    design = replace(best, delay_mean_s=rounded_down(delay_s))
    scenario = scenario_of(wishes, terms, design)
    bits = entropy_bits(flows_of(scenario), design.delay_mean_s)
    return Found(design=design, bits=bits, cost_user_month=traffic.cost_user_month(scenario))


def _cheapest_rates(wishes: Wishes, terms: Terms) -> Design | None:
    pulls = _pull_rates(wishes, terms)
    if not pulls:
        return None
    # Frequent pulls cost frames, rare ones time that quick turns must make up for: the best lies between, and a walk
    # from where it usually is, both ways until it gets worse twice, finds it.
    start = min(range(len(pulls)), key=lambda number: abs(log(pulls[number] * wishes.latency_s / _USUAL_PULLS)))
    best = _slowest_that_works(wishes, terms, pulls[start])
    for way in (pulls[start + 1 :], pulls[:start][::-1]):
        worse = 0
        for each in way:
            found = _slowest_that_works(wishes, terms, each)
            better = found is not None and (best is None or _cost(wishes, terms, found) < _cost(wishes, terms, best))
            best, worse = (found, 0) if better else (best, worse + (best is not None))
            if worse == 2:
                break
    return best


def _cost(wishes: Wishes, terms: Terms, design: Design) -> float:
    return traffic.cost_user_month(scenario_of(wishes, terms, design))


def least_rate_per_s(wishes: Wishes, terms: Terms) -> float:
    """Return the least rate of payloads: twice what users have to say, and the turns that a network wish asks for."""
    least = max(wishes.real_packets_per_s / _TURN_LOAD, _LEAST_RATE_PER_S)
    return max(least, 1 / terms.waits_s) if _is_of_network(wishes) else least


def needed_delay_mean_s(wishes: Wishes, terms: Terms, design: Design) -> float:
    """Return the least mean delay with the wished entropy and full enough pools."""
    flows = flows_of(scenario_of(wishes, terms, replace(design, delay_mean_s=1.0)))
    for_bits = 2.0 ** (wishes.bits - entropy_bits(flows, 1.0))
    return float(max(for_bits, terms.least_pool / least_pool_of(flows)))


def _pull_rates(wishes: Wishes, terms: Terms) -> tuple[float, ...]:
    if _is_of_network(wishes):
        return (0.5 / terms.waits_s,)
    # The p95 of a uniform wait is 0.95 of an interval.
    share = 0.95 if wishes.latency_kind == "delivery-p95" else 0.5
    return tuple(pulls for pulls in PULLS_PER_S if share / pulls < wishes.latency_s)


def _is_of_network(wishes: Wishes) -> bool:
    return wishes.latency_kind in ("network-p95", "network-mean")


def _slowest_that_works(wishes: Wishes, terms: Terms, pulls_per_s: float) -> Design | None:
    """Return the design with the least rate of payloads that does, its delay not chosen yet."""
    low, high = least_rate_per_s(wishes, terms), MOST_RATE_PER_S
    if low > high:
        return None
    if not _works(wishes, terms, low, pulls_per_s):
        high = _first_that_works(wishes, terms, low, pulls_per_s)
        if high <= 0:
            return None
        # The rate before failed, so that the border lies within this one step.
        low = max(low, high / _STEP)
        while high > low * (1 + _PRECISION):
            middle = (low * high) ** 0.5
            low, high = (low, middle) if _works(wishes, terms, middle, pulls_per_s) else (middle, high)
        low = high
    return sized(wishes, terms, rounded_up(low), pulls_per_s)


def _first_that_works(wishes: Wishes, terms: Terms, low: float, pulls_per_s: float) -> float:
    # Upwards in steps: too high a rate can fail again, for want of machines or of room in mailboxes.
    rate = low
    while rate < MOST_RATE_PER_S:
        rate = min(rate * _STEP, MOST_RATE_PER_S)
        if _works(wishes, terms, rate, pulls_per_s):
            return rate
    return 0.0


def _works(wishes: Wishes, terms: Terms, rate_per_s: float, pulls_per_s: float) -> bool:
    design = sized(wishes, terms, rate_per_s, pulls_per_s)
    if design is None:
        return False
    delay_s = needed_delay_mean_s(wishes, terms, design)
    if delay_s > min(LONGEST_DELAY_MEAN_S, wishes.latency_s):
        return False
    return Waits(wishes, terms, payload_rate_per_s=rate_per_s, pull_rate_per_s=pulls_per_s).within(delay_s)


def rounded_up(value: float, digits: int = 3) -> float:
    """Return a positive value with so many digits, not less than it."""
    unit = digits - 1 - floor(log10(value))
    # The slack lets a value that has the digits already stay as it is, whatever multiplying does to its last bit.
    return float(f"{ceil(value * 10.0**unit - 1e-9) / 10.0**unit:.{digits + 1}g}")


def rounded_down(value: float, digits: int = 4) -> float:
    """Return a positive value with so many digits, not more than it."""
    unit = digits - 1 - floor(log10(value))
    return float(f"{floor(value * 10.0**unit + 1e-9) / 10.0**unit:.{digits + 1}g}")
