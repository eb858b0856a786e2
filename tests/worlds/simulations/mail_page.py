"""The table of docs/mail.md from which a mail provider chooses rates: run this file to write it anew.

The network is the planner's answer; the waiting times are what the client's own `estimate` says at its rates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from client.core.fragments import FragmentSizes
from client.core.retry import round_trip_policy
from client.core.timing.estimate import Conditions, estimate_message
from loopixmix.params import NetworkParams
from simulations.measures.catalogue import Measure
from simulations.planner.plan import Plan, make_plan
from simulations.planner.wishes import Terms, Wishes
from tests.worlds.simulations.planning_page import rewritten

PAGE = Path(__file__).parents[3] / "docs" / "mail.md"
BEGIN, END = "<!-- begin: rates -->\n", "<!-- end: rates -->\n"
USERS, MAILS_A_DAY, MAIL_BYTES, BITS = 90_000, 10, 50_000, 16
LATENCIES_S = (600, 180, 60, 20, 6)
SIZES = {"10 KB": 10_000, "100 KB": 100_000, "1 MB": 1_000_000}
PACKET_COST_S = 71e-6
ADDED_BYTES = 320
"""The envelope, the sender, the signature."""
LINKS, LINK_S = 6, 0.05
SECONDS_A_MONTH = 30 * 86_400
HEAD = """\
| 50 KB in | payload packets | 10 KB: mean, 95 % | 100 KB | 1 MB | a user sends, gets | machines | a user and month |
|---|---|---|---|---|---|---|---|
"""


def fragments_of(size_bytes: int) -> int:
    """Return how many packets a mail takes that is so long after compression."""
    return FragmentSizes(NetworkParams().payload_bytes).count(size_bytes + ADDED_BYTES)


def plan_for(latency_s: float) -> Plan:
    """Return the cheapest network in which 95 % of mails of 50 KB are there in time."""
    wishes = Wishes(
        bits=BITS,
        latency_s=latency_s,
        users=USERS,
        messages_per_day=MAILS_A_DAY,
        packets_per_message=fragments_of(MAIL_BYTES),
    )
    answer = make_plan(wishes, Terms(packet_cost_s=PACKET_COST_S))
    if not isinstance(answer, Plan):
        raise TypeError(f"there is no plan for {latency_s} s")
    return answer


def command_for(latency_s: float) -> str:
    """Return the command that tells all of a row's plan."""
    return (
        f"loopixmix simulate plan --users {USERS} --bits {BITS} --latency {latency_s} --messages {MAILS_A_DAY} "
        f"--packets {fragments_of(MAIL_BYTES)} --packet-cost-s 71e-6 --no-front"
    )


def params_of(plan: Plan) -> NetworkParams:
    """Return what the network document of a plan says."""
    design = plan.design
    return NetworkParams(
        delay_mean_s=design.delay_mean_s,
        payload_rate_per_s=design.payload_rate_per_s,
        pull_rate_per_s=design.pull_rate_per_s,
        pull_batch=design.pull_batch,
    )


def waiting(plan: Plan) -> Mapping[str, tuple[float, float]]:
    """Return mean and 95 % quantile of the time until a mail is there, by its size; nothing else waits."""
    params = params_of(plan)
    conditions = Conditions(
        params=params, policy=round_trip_policy(params, longest_s=3600.0), overhead_s=LINKS * LINK_S
    )
    told = {size: estimate_message(fragments_of(size_bytes), conditions) for size, size_bytes in SIZES.items()}
    return {size: (each.mean_s, each.p95_s) for size, each in told.items()}


def row_of(latency_s: float) -> str:
    """Return a line of the table."""
    plan = plan_for(latency_s)
    times = " | ".join(f"{shown(mean)}, {shown(p95)}" for mean, p95 in waiting(plan).values())
    up, down = (
        plan.figures[each] * SECONDS_A_MONTH / 1e9
        for each in (Measure.USER_UP_BYTES_PER_S, Measure.USER_DOWN_BYTES_PER_S)
    )
    cost, rate = plan.figures[Measure.COST_USER_MONTH], plan.design.payload_rate_per_s
    return (
        f"| {shown(latency_s)} | {rate:.3g} /s | {times} | {up:.3g} GB, {down:.3g} GB a month "
        f"| {plan.machines} | {cost:.2g} EUR |\n"
    )


def shown(seconds: float) -> str:
    """Return a time in the unit that fits."""
    if seconds < 99.5:
        return f"{seconds:.2g} s"
    if seconds < 5970:
        return f"{seconds / 60:.2g} min"
    return f"{seconds / 3600:.2g} h"


def rows() -> Iterator[str]:
    """Yield the lines of the table."""
    for latency_s in LATENCIES_S:
        yield row_of(latency_s)


def table_on(text: str) -> str:
    """Return the table on the page."""
    found = re.search(f"{re.escape(BEGIN)}(.*?){re.escape(END)}", text, re.DOTALL)
    return found[1] if found else ""


if __name__ == "__main__":
    page = rewritten(PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(page.replace(table_on(page), HEAD + "".join(rows())), encoding="utf-8")
