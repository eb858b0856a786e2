"""One seed for each subsystem of each replicate."""

from __future__ import annotations

from itertools import islice

from simulations.scenario.values import SeedChoice
from simulations.seeds import SUBSYSTEMS, Seeds


def test_every_subsystem_and_replicate_draws_its_own() -> None:
    drawn = {
        Seeds(SeedChoice(), replicate=replicate).generator(subsystem).integers(2**62)
        for subsystem in SUBSYSTEMS
        for replicate in range(3)
    }
    assert len(drawn) == 3 * len(SUBSYSTEMS)


def test_asking_again_begins_anew() -> None:
    seeds = Seeds(SeedChoice(root=4), replicate=1)
    assert seeds.random("users").random() == seeds.random("users").random()
    first, again = (list(islice(seeds.randoms("users"), 3)) for _ in range(2))
    assert [rng.random() for rng in first] == [rng.random() for rng in again]
    assert len({rng.random() for rng in first}) == 3


def test_a_seed_of_its_own_changes_one_subsystem_only() -> None:
    one, other = Seeds(SeedChoice(), replicate=0), Seeds(SeedChoice(links=9), replicate=0)
    changed = [name for name in SUBSYSTEMS if one.random(name).random() != other.random(name).random()]
    assert changed == ["links"]
