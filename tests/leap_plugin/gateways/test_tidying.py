"""What a gateway forgets, and when."""

from __future__ import annotations

from pathlib import Path

from leap_plugin.gateways.store.ways import WayBack, count_ways
from tests.worlds.gateways import GatewayTown


def test_ways_back_are_forgotten_once_the_network_agrees_that_they_are_over(tmp_path: Path) -> None:
    town = GatewayTown(tmp_path)
    over_s = town.clock.seconds() + 100.0
    town.store.write(lambda connection: town.tables.ways.put(connection, "word", WayBack(to="alice@home"), over_s))
    town.network.is_time_agreed = False
    town.clock.advance(200.0)
    town.wait(town.tidying.tidy())
    assert town.store.read(count_ways) == 1
    town.network.is_time_agreed = True
    town.wait(town.tidying.tidy())
    assert town.store.read(count_ways) == 0
    town.stop()
