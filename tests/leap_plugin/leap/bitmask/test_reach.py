"""The copy of what the network reaches: kept up to date, and kept when the network is away."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from client.api import UnavailableError
from client.testing import wait_for
from leap_plugin.leap.bitmask.reach import REFRESH_S, ReachableAddresses
from tests.worlds.leap import LeapTown


@pytest.fixture
def town() -> LeapTown:
    return LeapTown()


def test_it_follows_the_network_and_the_contacts(town: LeapTown, tmp_path: Path) -> None:
    reachable = ReachableAddresses(town.sender, file=tmp_path / "reach.json", clock=town.clock, rng=random.Random(1))
    assert not reachable.is_known
    assert not reachable.reaches("bob@leap.example")
    reachable.start()
    assert reachable.is_known
    assert reachable.reaches("bob@leap.example")
    assert reachable.gateway_of("Bob@leap.example") == town.GATEWAY
    assert reachable.gateway_of("bob@provider-1.mix.invalid") == ""
    town.network.add_domain("new.example", "provider-2")
    assert not reachable.reaches("bob@new.example")
    town.clock.advance(REFRESH_S)
    assert reachable.reaches("bob@new.example")
    assert reachable.gateway_of("bob@new.example") == ""
    wait_for(reachable.stop(), town.clock)
    town.stop()
    assert not town.clock.getDelayedCalls()


def test_what_was_known_counts_after_a_restart_without_a_network(town: LeapTown, tmp_path: Path) -> None:
    first = ReachableAddresses(town.sender, file=tmp_path / "reach.json", clock=town.clock, rng=random.Random(1))
    wait_for(first.look(), town.clock)
    later = ReachableAddresses(town.sender, file=tmp_path / "reach.json", clock=town.clock, rng=random.Random(1))
    assert later.is_known
    assert later.reaches("bob@leap.example")
    assert (tmp_path / "reach.json").stat().st_mode & 0o077 == 0


def test_a_contact_whose_domain_is_gone_is_not_written_to_directly(town: LeapTown, tmp_path: Path) -> None:
    wait_for(town.sender.add_contact("bob@leap.example"), town.clock)
    town.network.remove_domain("leap.example")
    reachable = ReachableAddresses(town.sender, file=tmp_path / "reach.json", clock=town.clock, rng=random.Random(1))
    wait_for(reachable.look(), town.clock)
    assert reachable.reaches("Bob@leap.example")


def test_a_domain_that_was_ever_known_is_not_written_to_directly(town: LeapTown, tmp_path: Path) -> None:
    reachable = ReachableAddresses(town.sender, file=tmp_path / "reach.json", clock=town.clock, rng=random.Random(1))
    wait_for(reachable.look(), town.clock)
    town.network.remove_domain("leap.example")
    wait_for(reachable.look(), town.clock)
    assert reachable.reaches("stranger@leap.example")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"gateways": {}}', b'{"gateways": {}, "contacts": [], "x": 1}']
)
def test_a_damaged_copy_is_made_anew(town: LeapTown, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "reach.json").write_bytes(content)
    reachable = ReachableAddresses(town.sender, file=tmp_path / "reach.json", clock=town.clock, rng=random.Random(1))
    assert not reachable.is_known
    wait_for(reachable.look(), town.clock)
    assert reachable.is_known


class Away:
    """A client whose daemon is away."""

    async def network(self) -> None:
        raise UnavailableError("the client is away")


def test_a_client_that_is_away_ends_nothing(town: LeapTown, tmp_path: Path) -> None:
    first = ReachableAddresses(town.sender, file=tmp_path / "reach.json", clock=town.clock, rng=random.Random(1))
    wait_for(first.look(), town.clock)
    later = ReachableAddresses(Away(), file=tmp_path / "reach.json", clock=town.clock, rng=random.Random(1))  # type: ignore[arg-type]
    later.start()
    town.clock.advance(REFRESH_S)
    assert later.reaches("bob@leap.example")
    wait_for(later.stop(), town.clock)
