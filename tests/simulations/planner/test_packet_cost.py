"""c: given, read from a benchmark, or measured."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from loopixmix.errors import MisuseError
from simulations.planner.packet_cost import BENCHMARK, FIGURE, packet_cost


def write_report(place: Path, figures: list[dict[str, object]]) -> None:
    path = place / BENCHMARK
    path.parent.mkdir(parents=True)
    path.write_bytes(msgspec.json.encode({"machine": "a machine", "revision": "abc", "figures": figures}))


def test_what_is_given_counts(tmp_path: Path) -> None:
    write_report(tmp_path, [{"name": FIGURE, "value": 4000.0, "unit": "packets/s"}])
    cost = packet_cost(5e-5, places=[tmp_path])
    assert (cost.seconds, cost.source) == (5e-5, "given")


def test_the_benchmark_of_a_whole_node_is_read(tmp_path: Path) -> None:
    write_report(tmp_path, [{"name": "x", "value": 1.0}, {"name": FIGURE, "value": 4000.0, "unit": "packets/s"}])
    cost = packet_cost(None, places=[tmp_path / "elsewhere", tmp_path])
    assert (cost.seconds, cost.source) == (1 / 4000, "benchmark")
    assert "4,000" in cost.detail
    assert "a machine" in cost.detail


@pytest.mark.parametrize("figures", [None, [{"name": "another", "value": 1.0}]])
def test_without_it_unwrapping_is_measured_and_said(tmp_path: Path, figures: list[dict[str, object]] | None) -> None:
    if figures is not None:
        write_report(tmp_path, figures)
    cost = packet_cost(None, places=[tmp_path])
    assert cost.source == "measured"
    assert 1e-6 < cost.seconds < 0.05
    assert "unwraps/s" in cost.detail


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"machine": "m", "revision": "r", "figures": [{"name": 3}]}'])
def test_a_broken_report_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / BENCHMARK
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(MisuseError, match=r"network\.json: is no report"):
        packet_cost(None, places=[tmp_path])


@pytest.mark.parametrize("value", [0.0, -5.0])
def test_a_rate_that_is_none_is_refused(tmp_path: Path, value: float) -> None:
    write_report(tmp_path, [{"name": FIGURE, "value": value}])
    with pytest.raises(MisuseError, match=FIGURE):
        packet_cost(None, places=[tmp_path])
