"""The plane of a chart: percent across, pixels upright, its grid and the numbers along it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twisted.web.template import Tag

from loopixmix.web.showing.markup import element
from loopixmix.web.showing.numbers import show_number, ticks

LINE_PX = 20.0
"""The height of a line of text."""

PLOT_PX = 220.0
_ACROSS_CHARACTERS, _BETWEEN_CHARACTERS = 38, 2
_LEFT, _RIGHT = 7.0, 97.0
"""Where the ends of the axis stand, in percent: at the left the upright numbers have to fit."""


def percent(value: float) -> str:
    """Return a place across, as an attribute."""
    return f"{value:.2f}%"


def px(value: float) -> str:
    """Return a place or length upright, as an attribute."""
    return f"{value:.1f}"


def segment(one: tuple[float, float], other: tuple[float, float], kind: str) -> Tag:
    """Return a straight line between two places (percent, pixels) with a class of the stylesheet."""
    return element("line", x1=percent(one[0]), y1=px(one[1]), x2=percent(other[0]), y2=px(other[1]), class_=kind)


def ticks_across(low: float, high: float) -> tuple[float, ...]:
    """Return round values that enclose `low` to `high`, as many as can stand side by side in 280 pixels."""
    for most in (7, 5):
        found = ticks(low, high, most=most)
        if sum(len(show_number(value)) + _BETWEEN_CHARACTERS for value in found) <= _ACROSS_CHARACTERS:
            return found
    return ticks(low, high, most=3)


@dataclass(frozen=True)
class Axes:
    """Two axes by the round values along them, from low to high."""

    across: Sequence[float]
    upright: Sequence[float]

    @property
    def height_px(self) -> float:
        """The height of the plane with the numbers above its highest and below its lowest line."""
        return PLOT_PX + 2 * LINE_PX

    def x(self, value: float) -> float:
        """Return where a value stands, in percent."""
        low, high = self.across[0], self.across[-1]
        return _LEFT + (value - low) / (high - low) * (_RIGHT - _LEFT)

    def y(self, value: float) -> float:
        """Return where a value stands, in pixels from above."""
        low, high = self.upright[0], self.upright[-1]
        return LINE_PX + (high - value) / (high - low) * PLOT_PX

    def grid(self) -> list[Tag]:
        """Return the lines, which lie under all else."""
        heights_px = [self.y(value) for value in self.upright]
        return [
            segment((0.0, y_px), (100.0, y_px), "grid" if number else "axis") for number, y_px in enumerate(heights_px)
        ]

    def numbers(self) -> list[Tag]:
        """Return the numbers along both axes, which lie over all else.

        The upright ones stand on their lines, within the plane: beside it they would take a fifth of 320 pixels.
        """
        drawn = [
            element("text", show_number(value), x="0", y=px(self.y(value) - 4), class_="tick") for value in self.upright
        ]
        bottom_px = self.y(self.upright[0])
        for number, value in enumerate(self.across):
            # The last is aligned to the edge, so that a long one is not cut off.
            is_last = number == len(self.across) - 1
            place = ("100%", "last") if is_last else (percent(self.x(value)), "middle")
            drawn.append(segment((self.x(value), bottom_px), (self.x(value), bottom_px + 4), "axis"))
            drawn.append(
                element("text", show_number(value), x=place[0], y=px(bottom_px + 18), class_=f"tick {place[1]}")
            )
        return drawn
