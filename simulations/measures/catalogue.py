"""Every measure: its name, unit and meaning. One name means the same in every engine."""

from __future__ import annotations

from dataclasses import dataclass

from loopixmix.errors import MisuseError


@dataclass(frozen=True)
class Measure:
    """What a figure is. `unit` is fit for the axis of a plot."""

    name: str
    unit: str
    meaning: str


_ALL = (
    Measure("latency_s", "s", "from leaving the sender to the recipient's provider (or recipient): distribution"),
    Measure("latency_mean_s", "s", "the same: mean"),
    Measure("latency_sd_s", "s", "the same: standard deviation"),
    Measure("latency_p50_s", "s", "the same: median"),
    Measure("latency_p95_s", "s", "the same: 95 % quantile"),
    Measure("latency_p99_s", "s", "the same: 99 % quantile"),
    Measure("latency_fit_shape", "", "shape of the Gamma distribution fitted to what links do not explain"),
    Measure("latency_fit_scale_s", "s", "its scale: the mean delay of a hop, where theory holds"),
    Measure("delivery_s", "s", "from handing a message over to having it (turn, network and pull): distribution"),
    Measure("delivery_mean_s", "s", "the same: mean"),
    Measure("delivery_p50_s", "s", "the same: median"),
    Measure("delivery_p95_s", "s", "the same: 95 % quantile"),
    Measure("entropy_bits", "bit", "entropy of a target over what receivers get, by propagation: mean over targets"),
    Measure("entropy_p05_bits", "bit", "the same: 5 % quantile over targets"),
    Measure("entropy_p50_bits", "bit", "the same: median over targets"),
    Measure("entropy_min_bits", "bit", "the same: least over targets"),
    Measure("entropy_live_bits", "bit", "entropy that the mixes measure themselves (Loopix eq. 5): mean over mixes"),
    Measure("anonymity_set", "packets", "effective set: 2 to the power of entropy_bits"),
    Measure("epsilon", "nat", "third-party unlinkability |ln(p0/p1)| (Loopix 4.3)"),
    Measure("pool_mean", "packets", "packets held by a mix: mean over time and mixes"),
    Measure("provider_pool_mean", "packets", "packets held by a provider: mean over time and providers"),
    Measure("mix_rate_per_s", "packets/s", "packets that one mix takes: mean"),
    Measure("throughput_per_s", "packets/s", "packets of users that enter the network, answers not counted"),
    Measure("dropped_share", "1", "share of packets that nodes dropped"),
    Measure("lost_share", "1", "share of packets that links lost"),
    Measure("utilisation", "1", "share of its processors' time that a mix works: mean"),
    Measure("cover_share", "1", "share of what users send that is cover"),
    Measure("user_up_bytes_per_s", "B/s", "what a linked user sends"),
    Measure("user_down_bytes_per_s", "B/s", "what a linked user gets"),
    Measure("cost_user_month", "currency/month", "machines and traffic of all nodes, for one user and month"),
    Measure("all_corrupt_share", "1", "share of paths of which the adversary runs every mix"),
)

MEASURES = {measure.name: measure for measure in _ALL}


_ATTACK_UNITS = {"_s": "s", ".rounds": "rounds", ".rounds_needed": "rounds", ".remaining_users": "users"}


def measure_named(name: str) -> Measure:
    """Return a measure by its name; raise `MisuseError` where there is none.

    Figures of attacks are called `attack.KIND.success`, `attack.KIND.bound` and so on; they are shares, but for times,
    rounds and users that are left.
    """
    if name.startswith("attack."):
        figure = name.removesuffix(".low").removesuffix(".high")
        units = [unit for ending, unit in _ATTACK_UNITS.items() if figure.endswith(ending)]
        return Measure(name, units[0] if units else "1", "see docs/simulating-attacks.md")
    if name not in MEASURES:
        raise MisuseError(f'no measure is called "{name}" (there are: {", ".join(MEASURES)})')
    return MEASURES[name]
