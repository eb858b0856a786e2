"""Widths, bandwidth, cover and cost."""

from __future__ import annotations

import pytest

from simulations.formulas.capacity import (
    cover_share,
    month_cost,
    user_down_bytes_per_s,
    user_up_bytes_per_s,
    width_interval,
)


def test_a_layer_is_as_wide_as_processors_need_and_pools_allow() -> None:
    room = width_interval(1000.0, 0.5, 1e-3, utilisation=0.5, cores=2, least_pool=25)
    assert (room.least, room.most) == (pytest.approx(1.0), pytest.approx(20.0))


def test_what_a_user_sends_and_gets() -> None:
    assert user_up_bytes_per_s(2.0, 0.5, 0.5, 1000) == 3000
    assert user_up_bytes_per_s(2.0, 0.5, 0.5, 1000, pulls_per_s=1.0) == 4000
    assert user_down_bytes_per_s(1.0, 6, 1000) == 6000


def test_cover_is_what_no_payload_is() -> None:
    assert cover_share(1.0, 4.0) == 0.75
    assert cover_share(9.0, 4.0) == 0.0
    assert cover_share(0.0, 0.0) == 0.0


def test_a_month_costs_cores_and_traffic() -> None:
    assert month_cost(3, 1e9, core_month=8.0, traffic_gb=0.001) == pytest.approx(24 + 30 * 86_400 * 0.001)
