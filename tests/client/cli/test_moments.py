from __future__ import annotations

from datetime import datetime

import click
import pytest

from client.cli.moments import Moment

MOMENT = Moment(lambda: 1000.0)


def test_a_span_counts_from_now() -> None:
    assert MOMENT.convert("+90", None, None) == 1090.0
    assert MOMENT.convert("+0.5", None, None) == 1000.5


def test_a_date_is_one_of_this_machines_zone() -> None:
    assert MOMENT.convert("2026-12-24T18:00", None, None) == datetime(2026, 12, 24, 18).astimezone().timestamp()
    assert MOMENT.convert("1970-01-02T00:00+00:00", None, None) == 86_400.0


@pytest.mark.parametrize("text", ["", "soon", "+", "+soon", "90", "2026-13-01"])
def test_anything_else_is_no_moment(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no moment"):
        MOMENT.convert(text, None, None)
