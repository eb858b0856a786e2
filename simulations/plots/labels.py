"""Labels of axes: words for measures and keys, with their units."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from simulations.measures.catalogue import Measure, unit_of

_MEASURES: Mapping[str, str] = {
    Measure.LATENCY_S: "latency",
    Measure.LATENCY_MEAN_S: "mean latency",
    Measure.LATENCY_SD_S: "standard deviation of latency",
    Measure.LATENCY_P50_S: "median latency",
    Measure.LATENCY_P95_S: "95 % quantile of latency",
    Measure.LATENCY_P99_S: "99 % quantile of latency",
    Measure.LATENCY_FIT_SHAPE: "shape of the fitted Gamma distribution",
    Measure.LATENCY_FIT_SCALE_S: "scale of the fitted Gamma distribution",
    Measure.DELIVERY_S: "time to delivery",
    Measure.DELIVERY_MEAN_S: "mean time to delivery",
    Measure.DELIVERY_P50_S: "median time to delivery",
    Measure.DELIVERY_P95_S: "95 % quantile of time to delivery",
    Measure.DELIVERY_WITH_ABSENCE_S: "time to delivery, absence included",
    Measure.DELIVERY_WITH_ABSENCE_MEAN_S: "mean time to delivery, absence included",
    Measure.DELIVERY_WITH_ABSENCE_P50_S: "median time to delivery, absence included",
    Measure.DELIVERY_WITH_ABSENCE_P95_S: "95 % quantile of time to delivery, absence included",
    Measure.ENTROPY_BITS: "entropy",
    Measure.ENTROPY_P05_BITS: "5 % quantile of entropy",
    Measure.ENTROPY_P50_BITS: "median entropy",
    Measure.ENTROPY_MIN_BITS: "least entropy",
    Measure.ENTROPY_LIVE_BITS: "live entropy of a mix",
    Measure.ANONYMITY_SET: "effective anonymity set",
    Measure.EPSILON: "unlinkability ε",
    Measure.POOL_MEAN: "packets held by a mix",
    Measure.PROVIDER_POOL_MEAN: "packets held by a provider",
    Measure.MIX_RATE_PER_S: "packets that a mix takes",
    Measure.THROUGHPUT_PER_S: "packets of users",
    Measure.USER_UP_BYTES_PER_S: "a user's upstream",
    Measure.USER_DOWN_BYTES_PER_S: "a user's downstream",
    Measure.COST_USER_MONTH: "cost of a user",
    Measure.ALL_CORRUPT_SHARE: "share of paths that are all corrupt",
}
_KEYS = {
    "topology.layers": "layers",
    "topology.mixes_per_layer": "mixes per layer",
    "topology.providers": "providers",
    "topology.mix_weights": "weights of mixes",
    "users.count": "users",
    "users.online_share": "share of users online",
    "users.messages_per_day": "messages of a user (1/day)",
    "traffic.payload_rate_per_s": "payload rate of a user (1/s)",
    "traffic.loop_rate_per_s": "loop rate of a user (1/s)",
    "traffic.drop_rate_per_s": "drop cover rate of a user (1/s)",
    "traffic.node_loop_rate_per_s": "loop rate of a node (1/s)",
    "traffic.pull_rate_per_s": "pulls of a user (1/s)",
    "mix.delay_mean_s": "mean delay of a hop (s)",
    "links.latency_s": "latency of a link (s)",
    "links.loss": "loss of a link",
    "corruption.share": "share of corrupt mixes",
    "corruption.placement": "placement of corrupt mixes",
    "processors.unwrap_s": "time to unwrap a packet (s)",
}
_SUFFIXES = (
    ("_packets_per_s", "packets/s"),
    ("_bytes_per_s", "B/s"),
    ("_per_s", "1/s"),
    ("_per_day", "1/day"),
    ("_bytes", "B"),
    ("_bits", "bit"),
    ("_days", "day"),
    ("_s", "s"),
)
SPAN_OF_LOG = 10.0
# Closer ticks than this have numbers that touch each other in one column.
_LEAST_GAP = 0.09
_LETTER_INCHES = 0.068
_MARGIN_INCHES = 0.7
"""What stands beside the axes: the numbers and the label of the y axis."""
_LONGEST_NAME = 40
_MOST_ROWS = 3


def measure_label(name: str) -> str:
    """Return the label of a measure's axis, with its unit; raise `MisuseError` if no measure has that name."""
    unit = unit_of(name)
    return f"{measure_words(name)} ({unit})" if unit not in ("", "1") else measure_words(name)


def measure_words(name: str) -> str:
    """Return the words for a measure, without its unit."""
    if name.startswith("attack."):
        _, kind, figure = name.split(".", 2)
        return f"{_plain(kind)} attack: {_plain(figure)}"
    return _MEASURES.get(name) or _plain(name)


def key_label(key: str) -> str:
    """Return the label of a scenario key's axis, with its unit."""
    if key in _KEYS:
        return _KEYS[key]
    last = key.rpartition(".")[2]
    for suffix, unit in _SUFFIXES:
        if last.endswith(suffix):
            return f"{_plain(last.removesuffix(suffix))} ({unit})"
    return _plain(last)


def point_label(values: Mapping[str, object]) -> str:
    """Return what tells one line of a figure from another: the values of keys, with their units.

    Of one key the value alone, as the legend is called `legend_title`.
    """
    if len(values) == 1:
        return "".join(map(shown, values.values()))
    return ", ".join(_with_unit(key, value) for key, value in values.items())


def legend_title(keys: Sequence[str]) -> str:
    """Return what a legend of `point_label`s is called."""
    return key_label(keys[0]) if len(keys) == 1 else ""


def scale_for(values: Iterable[float]) -> str:
    """Return `log` for values above 0 that span a factor of 10, `linear` for others."""
    found = [value for value in values if np.isfinite(value)]
    wide = bool(found) and min(found) > 0 and max(found) / min(found) >= SPAN_OF_LOG
    return "log" if wide else "linear"


def scale_of_places(values: Iterable[float]) -> str:
    """Return the scale of an axis of swept values: `log` if they span a factor of 10 and stand more evenly on it."""
    places = sorted({float(value) for value in values})
    if scale_for(places) == "linear":
        return "linear"
    gaps, ratios = np.diff(places), np.diff(np.log(places))
    return "log" if ratios.max() / ratios.min() <= gaps.max() / gaps.min() else "linear"


def tick_at(axes: Axes, values: Iterable[float]) -> None:
    """Mark the x axis at the values themselves if they are few and apart; write its numbers plainly."""
    found = sorted(set(values))
    places = np.log(found) if axes.get_xscale() == "log" else np.array(found)
    if len(found) == 1 or np.diff(places).min() >= _LEAST_GAP * (places[-1] - places[0]):
        axes.set_xticks(found, [f"{value:g}" for value in found])
        axes.set_xticks([], minor=True)
    elif axes.get_xscale() == "log":
        _write_plainly(axes.xaxis, found)
    else:
        axes.xaxis.set_major_locator(
            MaxNLocator(nbins=9, steps=[1, 2, 5, 10], integer=all(value == int(value) for value in found))
        )


def tick_names(axes: Axes, places: Sequence[float], names: Sequence[str]) -> None:
    """Mark the x axis with words: broken into lines, or aslant, if they would touch each other."""
    room = (axes.figure.bbox.width / axes.figure.dpi - _MARGIN_INCHES) / max(len(names), 1)
    longest = max((len(line) for name in names for line in name.split("\n")), default=0)
    fitting = int(room / _LETTER_INCHES - 0.5)  # half a letter between two names
    if longest <= fitting:
        axes.set_xticks(places, names)
        return
    flat = [name.replace("\n", ", ") for name in names]
    broken = [textwrap.wrap(name, max(fitting, 1), break_long_words=False) for name in flat]
    if all(len(lines) <= _MOST_ROWS and max(map(len, lines), default=0) <= fitting for lines in broken):
        axes.set_xticks(places, ["\n".join(lines) for lines in broken])
        return
    short = [name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..." for name in flat]
    axes.set_xticks(places, short, rotation=40, ha="right", rotation_mode="anchor")


def scale_y(axes: Axes, values: Iterable[float]) -> None:
    """Choose the y axis' scale; numbers on a logarithmic one are written plainly if they span few decades."""
    found = list(values)
    if scale_for(found) == "linear":
        return
    axes.set_yscale("log")
    _write_plainly(axes.yaxis, found)


def _write_plainly(axis: Axis, values: Sequence[float]) -> None:
    """Write 1, 2, 5, 10 ... at a logarithmic axis of few decades, not powers of ten."""
    if max(values) / min(values) < 1000:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())


def _with_unit(key: str, value: object) -> str:
    label = key_label(key)
    words, _, unit = label.removesuffix(")").partition(" (")
    return f"{words} {shown(value)} {unit}".rstrip()


def shown(value: object) -> str:
    """Return a swept value as it stands in a figure: numbers as short as they are, `true` and `false`, and text."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _plain(name: str) -> str:
    return name.replace("_", " ").replace(".", " ")
