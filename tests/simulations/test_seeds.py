"""Seeds: each subsystem of each replicate draws numbers of its own, and always the same ones."""

from __future__ import annotations

from itertools import islice

from simulations.scenario.values import SeedChoice
from simulations.seeds import SUBSYSTEMS, Seeds


def test_no_two_subsystems_draw_the_same_numbers() -> None:
    drawn = {Seeds(SeedChoice(root=7), replicate=0).random(subsystem).random() for subsystem in SUBSYSTEMS}
    assert len(drawn) == len(SUBSYSTEMS)


def test_no_two_replicates_draw_the_same_numbers() -> None:
    drawn = {Seeds(SeedChoice(root=7), replicate=replicate).generator("traffic").random() for replicate in range(8)}
    assert len(drawn) == 8


def test_the_same_seed_repeats_and_a_subsystem_may_have_one_of_its_own() -> None:
    shared, own = SeedChoice(root=7), SeedChoice(root=7, mixing=8)
    before, after = Seeds(shared, replicate=0), Seeds(own, replicate=0)
    assert before.random("mixing").random() == Seeds(shared, replicate=0).random("mixing").random()
    assert before.random("mixing").random() != after.random("mixing").random()
    assert before.random("traffic").random() == after.random("traffic").random()


def test_the_first_users_are_the_same_however_many_follow() -> None:
    few = [each.random() for each in islice(Seeds(SeedChoice(), replicate=0).randoms("users"), 3)]
    many = [each.random() for each in islice(Seeds(SeedChoice(), replicate=0).randoms("users"), 30)]
    assert many[:3] == few
    assert len(set(many)) == 30
