"""A plan to begin with."""

from __future__ import annotations

from datetime import UTC, datetime

from stats.counters.plan import CounterPlan, CountingNode, RelayCounter

DAY_S = 86_400


def example_plan(now_s: float) -> CounterPlan:
    """Return a plan that begins tomorrow, with keys that are to be replaced.

    At the default rates a client sends three packets a second, 260,000 a day at each of their five hops.
    """
    opens_s = (int(now_s) // DAY_S + 1) * DAY_S
    return CounterPlan(
        name="traffic",
        opens=datetime.fromtimestamp(opens_s, UTC),
        period_s=DAY_S,
        periods=30,
        deliver_s=DAY_S // 2,
        collectors=("collector.example", "other.example"),
        eps="1",
        delta="0.000001",
        least_nodes=4,
        dishonest=1,
        counters=(
            RelayCounter(name="packets", path="packets_in", protected=1_500_000),
            RelayCounter(name="replays", path="dropped.replay", protected=100),
        ),
        nodes=tuple(CountingNode(name=f"mix-{number}", key=f"{number:064x}") for number in range(1, 7)),
    )
