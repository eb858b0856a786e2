"""c, the seconds that one core of this machine works for one packet: measured before, or now."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from loopixmix.errors import MisuseError
from loopixmix.sphinx import Geometry, Sphinx, load_arithmetic

BENCHMARK = Path("build") / "bench" / "network.json"
FIGURE = "relay_packets_per_s"
# A whole node's work for a packet over that of unwrapping it alone, in batches: links, queues and timers come on top.
# The machine that the project is measured on needs 71 us and 19 us.
NODE_PER_UNWRAP = 4.0


@dataclass(frozen=True, kw_only=True)
class PacketCost:
    """c and where it comes from: the benchmark of this tree, an option, or a measurement on the spot."""

    seconds: float
    source: Literal["benchmark", "given", "measured"]
    detail: str


class _Figure(msgspec.Struct):
    name: str
    value: float | None


class _Report(msgspec.Struct):
    machine: str
    revision: str
    figures: Sequence[_Figure]


def packet_cost(given_s: float | None, *, places: Sequence[Path]) -> PacketCost:
    """Return c: `given_s` if it is given; otherwise of the first benchmark below `places`, or measured now.

    Raises `MisuseError` if a benchmark is there and cannot be read.
    """
    if given_s is not None:
        return PacketCost(seconds=given_s, source="given", detail="--packet-cost-s")
    for place in places:
        path = place / BENCHMARK
        if path.is_file():
            found = _from_benchmark(path)
            if found is not None:
                return found
    return _measured()


def _from_benchmark(path: Path) -> PacketCost | None:
    try:
        report = msgspec.json.decode(path.read_bytes(), type=_Report)
    except (OSError, msgspec.DecodeError) as error:
        raise MisuseError(f"{path}: is no report of `make bench`: {error}") from error
    # Without a value it could not be measured.
    rates = [figure.value for figure in report.figures if figure.name == FIGURE and figure.value is not None]
    if not rates:
        return None
    if not rates[0] > 0:
        raise MisuseError(f"{path}: {FIGURE} is {rates[0]:g}, from which no cost of a packet follows")
    detail = f"{FIGURE} = {rates[0]:,.0f} of one core in {BENCHMARK} ({report.machine}, revision {report.revision})"
    return PacketCost(seconds=1 / rates[0], source="benchmark", detail=detail)


def _measured() -> PacketCost:
    from loopixmix.node.selfcheck import measure_capacity

    capacity = measure_capacity(
        Sphinx(Geometry(), load_arithmetic()),
        rng=random.Random(1),
        seconds=time.perf_counter,
        threads=1,
        batch_packets=0,
    )
    detail = (
        f"measured now: {capacity.unwraps_per_s:,.0f} unwraps/s on one core ({capacity.engine} engine), times "
        f"{NODE_PER_UNWRAP:g} for all else a node does; `make bench-network` measures a whole node"
    )
    return PacketCost(seconds=NODE_PER_UNWRAP / capacity.unwraps_per_s, source="measured", detail=detail)
