"""The planner's Pareto front: what latency and what entropy cost."""

from __future__ import annotations

from pathlib import Path

import msgspec
from matplotlib.figure import Figure

from loopixmix.errors import MisuseError
from simulations.plots.labels import scale_of_places, scale_y, tick_at
from simulations.plots.style import Columns, beside, legend_above, look, move, name_axes, new_figure, styled


class Choice(msgspec.Struct, frozen=True):
    """One design that no other beats: wished latency and entropy, the entropy it has, the cost of a user and month."""

    latency_s: float
    wished_bits: float
    bits: float
    cost_user_month: float


class _Prices(msgspec.Struct, frozen=True):
    currency: str


class _Terms(msgspec.Struct, frozen=True):
    prices: _Prices


class _Wishes(msgspec.Struct, frozen=True):
    latency_kind: str


class PlannedFront(msgspec.Struct, frozen=True):
    """The fields of `loopixmix simulate plan --json` that the figure needs; others are left."""

    wishes: _Wishes
    terms: _Terms
    front: tuple[Choice, ...] = ()


def load_front(path: Path) -> PlannedFront:
    """Return the front in a file of `loopixmix simulate plan --json`; raise `MisuseError` if it has none."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=PlannedFront)
    except FileNotFoundError:
        raise MisuseError(f"{path}: there is no such file") from None
    except OSError as error:
        raise MisuseError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MisuseError(f"{path}: is no plan of `loopixmix simulate plan --json`: {error}") from error
    if not found.front:
        raise MisuseError(f"{path}: this plan has no front: nothing was feasible, or it was made with --no-front")
    return found


def pareto_figure(found: PlannedFront, *, columns: Columns = 1) -> Figure:
    """Return the cost of a user against latency, one colour for each wished entropy; only designs that nothing beats.

    Designs are points: between them there are others, which were not computed.
    """
    wished = sorted({choice.wished_bits for choice in found.front})
    with styled():
        figure, (axes,) = new_figure(columns)
        for number, bits in enumerate(wished):
            line = [choice for choice in found.front if choice.wished_bits == bits]
            style = look(number)
            [points] = axes.plot(
                [choice.latency_s for choice in line],
                [choice.cost_user_month for choice in line],
                color=style.colour,
                marker=style.marker,
                linestyle="none",
                label=f"{bits:g}",
            )
            move(points, to=beside(axes, number, len(wished)))
        latencies_s = [choice.latency_s for choice in found.front]
        axes.set_xscale(scale_of_places(latencies_s))
        tick_at(axes, latencies_s)
        scale_y(axes, [choice.cost_user_month for choice in found.front])
        kind, _, which = found.wishes.latency_kind.partition("-")
        words = {"delivery": "time to delivery", "network": "network latency"}.get(kind, kind)
        latency = f"{'mean' if which == 'mean' else '95 % quantile of'} {words} (s)"
        name_axes(axes, latency, f"cost of a user ({found.terms.prices.currency}/month)")
        legend_above(figure, columns=columns, title="entropy (bit)")
    return figure
