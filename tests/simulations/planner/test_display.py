from __future__ import annotations

import pytest
from rich.console import Console

from simulations.planner import Plan, Terms, Wishes, make_plan
from simulations.planner.display import plan_shown
from simulations.planner.packet_cost import PacketCost


def shown(bits: float, latency_s: float) -> str:
    plan = make_plan(Wishes(users=2000, bits=bits, latency_s=latency_s), Terms(packet_cost_s=71e-6))
    assert isinstance(plan, Plan)
    console = Console(width=80)
    with console.capture() as capture:
        console.print(plan_shown(plan, PacketCost(seconds=71e-6, source="given", detail="as it was given"), None))
    return " ".join(capture.get().split())


@pytest.mark.parametrize(("bits", "latency_s", "refused"), [(8.0, 5.0, True), (12.0, 10.0, False)])
def test_a_plan_that_clients_would_refuse_says_so(bits: float, latency_s: float, refused: bool) -> None:
    told = shown(bits, latency_s)
    assert ("Clients refuse this network" in told) is refused
    assert ("delay_mean_s = 0.01676, at least 0.1" in told) is refused
