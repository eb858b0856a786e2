"""Every measure: its name, unit and meaning. One name means the same in every engine."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias, TypeVar

from loopixmix.errors import MisuseError

_T = TypeVar("_T")


class Measure(StrEnum):
    """The meaning of a figure. The value is its name in files; `unit` is fit for the axis of a plot.

    Engines name their figures by these members, so that a measure that is spelt wrong is a type error.
    """

    unit: str
    meaning: str

    def __new__(cls, name: str, unit: str, meaning: str) -> Measure:
        """Make a member that is equal to its name, as tables, files and engines of one's own spell it."""
        # A string, so that tables, files and outside engines need not know of the enumeration.
        member = str.__new__(cls, name)
        member._value_ = name
        member.unit = unit
        member.meaning = meaning
        return member

    LATENCY_S = "latency_s", "s", "from leaving the sender to the recipient's provider (or recipient): distribution"
    LATENCY_MEAN_S = "latency_mean_s", "s", "the same: mean"
    LATENCY_SD_S = "latency_sd_s", "s", "the same: standard deviation"
    LATENCY_P50_S = "latency_p50_s", "s", "the same: median"
    LATENCY_P95_S = "latency_p95_s", "s", "the same: 95 % quantile"
    LATENCY_P99_S = "latency_p99_s", "s", "the same: 99 % quantile"
    LATENCY_FIT_SHAPE = "latency_fit_shape", "", "shape of the Gamma distribution fitted to what links do not explain"
    LATENCY_FIT_SCALE_S = "latency_fit_scale_s", "s", "its scale: the mean delay of a hop, if theory holds"
    DELIVERY_S = (
        "delivery_s",
        "s",
        "from handing a message over to having it (turn, network, what is sent again, pull), sender and recipient "
        "linked all the while: distribution",
    )
    DELIVERY_MEAN_S = "delivery_mean_s", "s", "the same: mean"
    DELIVERY_P50_S = "delivery_p50_s", "s", "the same: median"
    DELIVERY_P95_S = "delivery_p95_s", "s", "the same: 95 % quantile"
    DELIVERY_WITH_ABSENCE_S = (
        "delivery_with_absence_s",
        "s",
        "the same of all messages, also while the sender or the recipient is not linked: distribution",
    )
    DELIVERY_WITH_ABSENCE_MEAN_S = "delivery_with_absence_mean_s", "s", "the same: mean"
    DELIVERY_WITH_ABSENCE_P50_S = "delivery_with_absence_p50_s", "s", "the same: median"
    DELIVERY_WITH_ABSENCE_P95_S = "delivery_with_absence_p95_s", "s", "the same: 95 % quantile"
    REQUEST_S = "request_s", "s", "from asking a hosted service to having its whole answer: distribution"
    REQUEST_MEAN_S = "request_mean_s", "s", "the same: mean"
    REQUEST_P50_S = "request_p50_s", "s", "the same: median"
    REQUEST_P95_S = "request_p95_s", "s", "the same: 95 % quantile"
    REQUESTS_ANSWERED = "requests_answered", "", "requests that were answered"
    REQUESTS_UNANSWERED_SHARE = "requests_unanswered_share", "1", "share of requests that ended without an answer"
    REQUEST_PARTS = "request_parts", "packets", "packets of a request, those for reply blocks included: mean of the run"
    ANSWER_PARTS = "answer_parts", "packets", "packets of an answer: mean of the run"
    REQUESTS_SECOND_ROUND_SHARE = (
        "requests_second_round_share",
        "1",
        "share of requests of which shares left again, or more of them, because some were lost",
    )
    GUESTS = "guests", "", "users without a name who have an account, at the end"
    REQUESTS_EXECUTED_TWICE = "requests_executed_twice", "", "requests that a service carried out more than once"
    ENTROPY_BITS = (
        "entropy_bits",
        "bit",
        "entropy of a target over what receivers get, by propagation: mean over targets",
    )
    ENTROPY_P05_BITS = "entropy_p05_bits", "bit", "the same: 5 % quantile over targets"
    ENTROPY_P50_BITS = "entropy_p50_bits", "bit", "the same: median over targets"
    ENTROPY_MIN_BITS = "entropy_min_bits", "bit", "the same: least over targets"
    ENTROPY_LIVE_BITS = (
        "entropy_live_bits",
        "bit",
        "entropy that the mixes measure themselves (Loopix eq. 5): mean over mixes",
    )
    ANONYMITY_SET = "anonymity_set", "packets", "effective set: 2 to the power of entropy_bits"
    EPSILON = "epsilon", "nat", "third-party unlinkability |ln(p0/p1)| (Loopix 4.3)"
    POOL_MEAN = "pool_mean", "packets", "packets held by a mix: mean over time and mixes"
    PROVIDER_POOL_MEAN = "provider_pool_mean", "packets", "packets held by a provider: mean over time and providers"
    MIX_RATE_PER_S = "mix_rate_per_s", "packets/s", "packets that one mix takes: mean"
    THROUGHPUT_PER_S = "throughput_per_s", "packets/s", "packets of users that enter the network, answers not counted"
    DROPPED_SHARE = "dropped_share", "1", "share of packets that nodes dropped"
    LOST_SHARE = "lost_share", "1", "share of packets that links lost"
    UTILISATION = "utilisation", "1", "share of its processors' time that a mix works: mean"
    COVER_SHARE = "cover_share", "1", "share of what users send that is cover"
    USER_UP_BYTES_PER_S = "user_up_bytes_per_s", "B/s", "what a linked user sends"
    USER_DOWN_BYTES_PER_S = "user_down_bytes_per_s", "B/s", "what a linked user gets"
    COST_USER_MONTH = "cost_user_month", "currency/month", "machines and traffic of all nodes, for one user and month"
    ALL_CORRUPT_SHARE = "all_corrupt_share", "1", "share of paths of which the adversary runs every mix"


MEASURES: Mapping[str, Measure] = {measure.value: measure for measure in Measure}

Figures: TypeAlias = dict[Measure, float]
"""The figures of an engine."""

DISTRIBUTIONS = (Measure.LATENCY_S, Measure.DELIVERY_S, Measure.DELIVERY_WITH_ABSENCE_S, Measure.REQUEST_S)
"""Distributions whose name is that of no figure."""

_ATTACK_UNITS = {"_s": "s", ".rounds": "rounds", ".rounds_needed": "rounds", ".remaining_users": "users"}


def by_name(measured: Mapping[Measure, _T]) -> dict[str, _T]:
    """Return the same by plain names: what outcomes carry to other processes and into files."""
    return {measure.value: value for measure, value in measured.items()}


def unit_of(name: str) -> str:
    """Return the unit of a measure; raise `MisuseError` if the catalogue has none of that name.

    Figures of attacks are called `attack.KIND.success`, `attack.KIND.bound` and so on. They are shares, except for
    times, rounds and users that are left. Their list is open: a new attack names its own.
    """
    if name.startswith("attack."):
        figure = name.removesuffix(".low").removesuffix(".high")
        units = [unit for ending, unit in _ATTACK_UNITS.items() if figure.endswith(ending)]
        return units[0] if units else "1"
    if name not in MEASURES:
        raise MisuseError(f'no measure is called "{name}" (there are: {", ".join(MEASURES)})')
    return MEASURES[name].unit
