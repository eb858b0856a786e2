"""Each check of the demonstration passes for a good run, and fails for what it is about."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from loopixmix.testnet.load import NodeLoad
from stats.answer.store.rows import ReportState
from stats.demo.cheating import Cheat
from stats.demo.data import People
from stats.demo.holding import SurveyEvents
from stats.demo.judging import cost_checks, mean_error, outside_of_intervals, survey_checks, survey_figures, widening
from stats.demo.people import Participation
from stats.demo.results import ShownPrivacy, ShownQuestion, ShownSheet, ShownSurveyState, ShownValue, result_lines

PEOPLE = People([{"tea": 0}] * 6 + [{"tea": 1}] * 6, {"tea": (0.5, 0.5)})
SHEET = ShownSheet(questions=["tea"], released=12, discarded=0, batches=2, smallest_batch=4)
STATE = ShownSurveyState([SHEET], ShownPrivacy(eps0=2.0, eps=1.5, delta=1e-5, promised_eps=2.0))
SHOWN = ShownQuestion(
    "tea",
    "Tea?",
    12,
    [ShownValue(0, "yes", False, 0.6, 0.4, 0.8), ShownValue(1, "no", True, None, None, None)],
)
GOOD = SurveyEvents(
    people=PEOPLE,
    participation=Participation(people=12, ends=Counter({ReportState.ACCEPTED: 12})),
    load=NodeLoad({"mix-1": 0.2, "provider-1": 0.3}, cores=2),
    cheats=[Cheat("a second token", "", True), Cheat("random bytes", "malformed", True)],
    filling=[4, 12],
    state=STATE,
    questions=[SHOWN],
    refusals={"malformed": 1},
)


def failed(events: SurveyEvents) -> list[str]:
    return [check.name for check in survey_checks(events) if not check.passed]


def test_a_good_run_passes_and_has_figures() -> None:
    assert failed(GOOD) == []
    figures = survey_figures(GOOD, 200.0, 1500.0)
    assert figures["reports"] == 12
    assert figures["mean_error"] == 0.1
    assert figures["busiest_node_load"] == 0.3


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"participation": Participation(ends=Counter({ReportState.ACCEPTED: 11}))}, "reports with an answer in time"),
        (
            {"participation": Participation(ends=Counter({ReportState.ACCEPTED: 12}), problems=["person 1: away"])},
            "reports with an answer in time",
        ),
        (
            {"state": ShownSurveyState([ShownSheet(["tea"], 13, 0, 2, 4)], STATE.privacy)},
            "each report released once",
        ),
        (
            {"state": ShownSurveyState([ShownSheet(["tea"], 12, 0, 2, 3)], STATE.privacy)},
            "company of each report",
        ),
        ({"filling": [12]}, "the dashboard fills"),
        ({"load": NodeLoad({"mix-1": 0.6}, cores=2)}, "load of the busiest node"),
        ({"load": NodeLoad({"mix-1": 0.4, "mix-2": 0.4, "mix-3": 0.4}, cores=2)}, "load of all nodes"),
        ({"cheats": [Cheat("random bytes", "malformed", False)]}, "random bytes"),
        ({"refusals": {}}, "refusals counted by reason"),
        ({"state": ShownSurveyState([SHEET], ShownPrivacy(2.0, 2.1, 1e-5, 2.0))}, "the promise"),
        ({"state": ShownSurveyState([SHEET], ShownPrivacy(2.0, None, 1e-5, 2.0))}, "the promise"),
        (
            {"questions": [ShownQuestion("tea", "Tea?", 12, [ShownValue(0, "yes", False, 0.9, 0.85, 0.95)])]},
            "truth and estimate",
        ),
        ({"questions": [ShownQuestion("tea", "Tea?", 0, [])]}, "truth and estimate"),
    ],
)
def test_each_fault_fails_its_check(change: dict[str, object], name: str) -> None:
    assert failed(dataclasses.replace(GOOD, **change)) == [name]  # type: ignore[arg-type]


def test_time_and_memory_have_bounds() -> None:
    assert [check.passed for check in cost_checks(300.0, 4000.0)] == [True, True]
    assert [check.passed for check in cost_checks(301.0, 4001.0)] == [False, False]


def test_intervals_are_widened_for_all_values_together() -> None:
    # Of one interval: 3.89 deviations in place of 1.96.
    assert widening(1) == pytest.approx(3.8906 / 1.95996, abs=1e-4)
    assert widening(10) > widening(1)
    near = ShownQuestion("tea", "Tea?", 12, [ShownValue(0, "yes", False, 0.69, 0.59, 0.79)])
    assert outside_of_intervals([near], PEOPLE) == []
    far = ShownQuestion("tea", "Tea?", 12, [ShownValue(0, "yes", False, 0.71, 0.61, 0.81)])
    assert outside_of_intervals([far], PEOPLE) == ["tea = yes"]
    assert mean_error([], PEOPLE) == 0.0


def test_truth_stands_beside_the_estimate_and_few_people_are_hidden() -> None:
    _, head, _, yes, no = result_lines(SHOWN, PEOPLE)
    assert head == "Tea?  (12 reports)"
    assert " 60.0%  [ 40.0% to  80.0%]          50.0%        50.0%" in yes
    assert "hidden" in no
