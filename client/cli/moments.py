"""Moments as people write them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import click


class Moment(click.ParamType[float]):
    """A moment, in seconds since 1970: `2026-12-24T18:00` in this machine's zone, or `+3600` from now."""

    name = "moment"

    def __init__(self, now_s: Callable[[], float]) -> None:
        """Count from `now_s`."""
        self._now_s = now_s

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the moment; `click.BadParameter` if it is none."""
        text = str(value)
        try:
            if text.startswith("+"):
                return self._now_s() + float(text)
            # A date without a zone is one of this machine's.
            return datetime.fromisoformat(text).timestamp()
        except (ValueError, OverflowError):
            self.fail(f"{text[:40]!r} is no moment: write YYYY-MM-DDTHH:MM, or +SECONDS from now", param, ctx)
