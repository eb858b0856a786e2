"""What is foretold of a run, beside what it then takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopixmix.sweeps.places import Place
from loopixmix.sweeps.trial import Trial
from simulations import Scenario, change, run
from simulations.results.manifest import FolderError
from simulations.workbench.forecast import RunForecast, forecast, lines_of, span
from simulations.workbench.runs import plan_of

TOY = "tests.worlds.toys:ENGINE"
SLOW = change(Scenario(), {"processors.unwrap_s": 0.5})
SWEEP = {"mix.delay_mean_s": [0.1, 0.2, 0.5]}


def test_points_tasks_time_and_memory_are_foretold_and_nothing_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    plan = plan_of(SLOW, TOY, sweep=SWEEP, replicates=4)
    found = forecast(plan, Place(jobs=2), out=out, try_s=2.0)
    assert (found.points, found.replicates, found.tasks, found.left, found.jobs) == (3, 4, 15, 15, 2)
    assert len(found.trials) == 2
    assert found.theory is not None
    assert found.work_s == pytest.approx(12 * 0.5, rel=0.8, abs=6)
    assert found.work_s >= 12 * 0.5
    assert found.expected_s == found.work_s / 2
    assert found.task_bytes > 20e6
    assert list(tmp_path.iterdir()) == []


def test_what_a_folder_keeps_is_not_foretold_again(tmp_path: Path) -> None:
    run(Scenario(), TOY, sweep=SWEEP, replicates=2, jobs=1, out=tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    more = plan_of(Scenario(), TOY, sweep=SWEEP, replicates=5)
    found = forecast(more, Place(jobs=1), out=tmp_path, try_s=0.5)
    assert (found.tasks, found.left, found.theory) == (18, 9, None)
    same = plan_of(Scenario(), TOY, sweep=SWEEP, replicates=2)
    done = forecast(same, Place(jobs=1), out=tmp_path)
    assert (done.left, done.expected_s) == (0, 0.0)
    assert lines_of(done, same, tmp_path)[-1] == "time      none: all is done"
    with pytest.raises(FolderError, match=r"keeps another run: topology\.layers was 3, is 2"):
        forecast(plan_of(change(Scenario(), {"topology.layers": 2}), TOY, sweep=SWEEP), Place(), out=tmp_path)
    (tmp_path / "manifest.json").rename(tmp_path / "other.json")
    with pytest.raises(FolderError, match=r"holds other files and no manifest\.json"):
        forecast(more, Place(), out=tmp_path)
    (tmp_path / "other.json").rename(tmp_path / "manifest.json")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_reader_gets_a_line_for_each_thing(tmp_path: Path) -> None:
    plan = plan_of(Scenario(), TOY, sweep=SWEEP, replicates=4)
    trials = (Trial(2.0, 2.0, 100_000_000), Trial(4.0, 4.0, 120_000_000))
    theory = Trial(0.1, 0.1, 90_000_000)
    found = RunForecast(3, 4, 15, 12, 2, trials, theory, 36.0)
    assert lines_of(found, plan, tmp_path) == [
        "points    3 (3 of mix.delay_mean_s)",
        "tasks     15 (4 replicates of each point, and theory once for each point)",
        f"kept      3 of them, in {tmp_path}: 12 are left",
        "a task    about 2 s to 4 s (at the first and the last point)",
        "theory    about 0.1 s a point",
        "memory    about 120 MB for a task, 240 MB for 2 at once",
        "time      about 18 s with 2 jobs",
    ]
    slow = RunForecast(3, 4, 15, 15, None, (Trial(None, 5.0, 100_000_000),), theory, 7_300.0)
    assert lines_of(slow, plan, None)[-2:] == [
        "memory    about 100 MB for each task that runs",
        "time      at least 2 h of work, shared among the workers of the cluster",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.123, "0.12 s"), (59, "59 s"), (300, "5 min"), (10_000, "2.8 h"), (1e6, "11.6 days")]
)
def test_spans_have_the_digits_that_a_forecast_can_have(seconds: float, text: str) -> None:
    assert span(seconds) == text
