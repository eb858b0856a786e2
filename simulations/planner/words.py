"""Quantities as people read them: three digits, a unit of the right size."""

from __future__ import annotations

from math import isfinite

_BYTES = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def seconds(value: float) -> str:
    """Return a time in us, ms, s, min or h."""
    if value < 1e-3:
        return f"{digits(value * 1e6)} us"
    if value < 1:
        return f"{digits(value * 1e3)} ms"
    if value < 600:
        return f"{digits(value)} s"
    return f"{digits(value / 60)} min" if value < 36_000 else f"{digits(value / 3600)} h"


def amount_of_bytes(value: float) -> str:
    """Return bytes in kB (10^3), MB, GB, TB or PB."""
    for size, name in _BYTES:
        if value >= size:
            return f"{digits(value / size)} {name}"
    return f"{digits(value)} B"


def money(value: float, currency: str = "") -> str:
    """Return an amount of money; small ones with three digits, large ones whole."""
    return f"{value:,.0f} {currency}".rstrip() if value >= 1000 else f"{digits(value)} {currency}".rstrip()


def digits(value: float, count: int = 3) -> str:
    """Return a number with so many digits, thousands parted, without an exponent if it can be helped."""
    if not isfinite(value) or value == 0:
        return f"{value:g}"
    if abs(value) >= 10.0 ** (count - 1):
        return f"{float(f'{value:.{count}g}'):,.0f}" if abs(value) < 1e12 else f"{value:.{count}g}"
    if abs(value) < 1e-4:
        return f"{value:.{count}g}"
    return f"{float(f'{value:.{count}g}'):.10f}".rstrip("0").rstrip(".")


def counted(number: float, noun: str, plural: str = "") -> str:
    """Return a number with its noun, one or many."""
    return f"{number:,.0f} {noun if number == 1 else plural or noun + 's'}"
