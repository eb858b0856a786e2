"""Numbers as people read them, and the round values along an axis."""

from __future__ import annotations

import math

from loopixmix.errors import MisuseError

SIGNIFICANT_DIGITS = 4


def show_number(value: float) -> str:
    """Return a number with at most four significant digits; whole numbers keep all of theirs."""
    if not math.isfinite(value):
        return "not known"
    if value == int(value):
        return f"{int(value):,}"
    digits = max(0, SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(abs(value))))
    if digits > 9:
        return f"{value:.{SIGNIFICANT_DIGITS - 1}e}"
    shown = f"{value:,.{digits}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def ticks(low: float, high: float, *, most: int) -> tuple[float, ...]:
    """Return 2 to `most` round values, evenly spaced, that enclose `low` to `high`.

    Steps are 1, 2 or 5 times a power of ten (Heckbert, "Nice numbers for graph labels", Graphics Gems, 1990).
    `most` is 3 or more. Raises `MisuseError` if an end is no number or `low` is over `high`.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low <= high) or most < 3:
        raise MisuseError(f"an axis leads from a number to a higher one over 3 marks or more, not {low} to {high}")
    if low == high:
        low, high = (low - 0.5, high + 0.5) if low else (0.0, 1.0)
    exponent = math.floor(math.log10((high - low) / most)) - 1
    while True:
        for factor in (1, 2, 5):
            step = factor * 10.0**exponent
            first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
            if last - first + 1 <= most:
                # Rounded, because 3 * 0.1 would be shown as 0.30000000000000004.
                return tuple(round(number * step, max(0, -exponent)) for number in range(first, last + 1))
        exponent += 1
