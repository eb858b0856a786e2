"""Notes beside the figures."""

from __future__ import annotations

from simulations import Scenario, change, run

TOY = "tests.worlds.toys:ENGINE"


def test_notes_say_what_to_know_each_once() -> None:
    hasty = change(Scenario(), {"run.warm_up_s": 0})
    result = run(hasty, TOY, sweep={"mix.delay_mean_s": [0.1, 5.0]}, replicates=1, jobs=1)
    assert "toys are no networks." in result.notes
    assert sum("run.warm_up_s is below three mean path delays" in note for note in result.notes) == 1
    assert sum("one replicate says nothing of the spread" in note for note in result.notes) == 1
    by_text = {note.text[:13]: note.points for note in result.manifest.notes}
    assert (by_text["run.warm_up_s"], by_text["run.drain_s i"]) == (2, 1)
    assert not any("no path" in note for note in run(hasty, "exact").notes)


def test_what_engine_and_theory_both_say_is_said_once() -> None:
    result = run(change(Scenario(), {"users.count": 50, "users.online_share": 0.5}), replicates=2, jobs=1)
    assert sum("delivery_* are for senders and recipients who are linked" in note for note in result.notes) == 1
