from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from client.core.asking.steps import ENOUGH_LOOPS, LOSS_STEPS, STEP_S, LossStep, nearest_step

START_S = 1_800_000_000.0


def test_it_waits_for_enough_loops_and_then_goes_one_step_an_hour() -> None:
    step = LossStep()
    step.look(0.4, loops=ENOUGH_LOOPS - 1, now_s=START_S)
    assert step.loss == 0.0
    for hour, loss in enumerate((0.05, 0.1, 0.1)):
        for within_s in (0.0, 1.0, STEP_S - 1.0):
            step.look(0.4, loops=1000, now_s=START_S + hour * STEP_S + within_s)
            assert step.loss == loss
    for hour, loss in enumerate((0.05, 0.0, 0.0), 3):
        step.look(0.0, loops=1000, now_s=START_S + hour * STEP_S)
        assert step.loss == loss


def test_a_loss_near_the_step_changes_nothing() -> None:
    step = LossStep()
    for hour, (measured, loss) in enumerate(
        [(0.03, 0.0), (0.031, 0.05), (0.021, 0.05), (0.079, 0.05), (0.081, 0.1), (0.071, 0.1), (0.069, 0.05)]
    ):
        step.look(measured, loops=1000, now_s=START_S + hour * STEP_S)
        assert step.loss == loss


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 10 * STEP_S))))
def test_there_are_three_values_whatever_is_measured(seen: list[tuple[float, float]]) -> None:
    step = LossStep()
    changed: dict[int, set[float]] = {}
    for way_loss, at_s in sorted(seen, key=lambda each: each[1]):
        step.look(way_loss, loops=1000, now_s=at_s)
        assert step.loss in LOSS_STEPS
        changed.setdefault(int(at_s // STEP_S), set()).add(step.loss)
    assert all(len(losses) == 1 for losses in changed.values())


def test_the_nearest_step_is_where_a_client_ends() -> None:
    assert [nearest_step(loss) for loss in (0.0, 0.02, 0.03, 0.05, 0.08, 0.5)] == [0.0, 0.0, 0.05, 0.05, 0.1, 0.1]
