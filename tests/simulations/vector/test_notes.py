"""What the engine says beside its figures: each note where it holds, and only there."""

from __future__ import annotations

from collections.abc import Mapping

from simulations.scenario import change, scenario_named
from simulations.seeds import Seeds
from simulations.vector import ENGINE

FEW = {"users.count": 50, "run.duration_s": 5.0, "run.warm_up_s": 5.0, "run.targets": 5}


def notes_with(changes: Mapping[str, object], *, of: str = "default") -> str:
    scenario = change(scenario_named(of), {**FEW, **changes})
    return " ".join(ENGINE.run(scenario, Seeds(scenario.seeds, replicate=0), progress=lambda _: None).notes)


def test_a_drain_that_all_packets_get_through_is_not_called_too_short() -> None:
    assert "run.drain_s" not in notes_with({"run.drain_s": 10.0})


def test_a_drain_that_cuts_off_targets_is_called_too_short() -> None:
    assert "Packets take longer than run.drain_s" in notes_with({"run.drain_s": 1.0})
    assert "Packets take longer than run.drain_s" in notes_with({"run.drain_s": 10.0, "links.latency_s": 3.0})


def test_without_targets_nothing_is_said_of_them() -> None:
    assert "run.drain_s" not in notes_with({"run.drain_s": 1.0, "run.targets": 0})


def test_attacks_that_the_engine_cannot_carry_out_are_named() -> None:
    assert "attacks.n_minus_one and attacks.dropping are left out" in notes_with({}, of="attacks-on-nodes")
    assert "left out" not in notes_with({})
