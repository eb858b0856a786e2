"""Whether the demonstration showed what it is to show, as checks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from statistics import NormalDist

from loopixmix.testnet.load import NodeLoad
from loopixmix.verdict import Check
from stats.answer.store.rows import ReportState
from stats.demo.data import People
from stats.demo.holding import SurveyEvents
from stats.demo.results import ShownQuestion

HALF = 0.5
MOST_S, MOST_MB = 300.0, 4000.0
ANSWERED = 0.98
"""So many reports at least have an answer before their deadline, which is seconds after they leave."""
FALSE_ALARM = 1e-4
"""How often a right estimate is called wrong, over all values of all questions."""
_Z95 = NormalDist().inv_cdf(0.975)


def survey_checks(events: SurveyEvents) -> list[Check]:
    """Return the checks of a survey that was held."""
    return [
        *_answers(events),
        *_load(events.load),
        *_cheats(events),
        *_results(events),
    ]


def cost_checks(took_s: float, memory_mb: float) -> list[Check]:
    """Return the checks of time and memory."""
    return [limit_check("time", took_s, MOST_S, "s"), limit_check("memory", memory_mb, MOST_MB, "MB")]


def survey_figures(events: SurveyEvents, took_s: float, memory_mb: float) -> dict[str, float]:
    """Return the figures, for programs."""
    privacy = events.state.privacy
    return {
        "people": len(events.people.drawn),
        "reports": sum(sheet.released for sheet in events.state.sheets),
        "eps": round(privacy.eps or 0.0, 3),
        "eps0": round(privacy.eps0 or 0.0, 3),
        "mean_error": round(mean_error(events.questions, events.people), 4),
        "busiest_node_load": round(events.load.highest, 3),
        "nodes_load_of_machine": round(events.load.of_machine, 3),
        "demo_s": round(took_s, 1),
        "demo_memory_mb": round(memory_mb),
    }


def mean_error(questions: list[ShownQuestion], people: People) -> float:
    """Return by how much the shown shares differ from those of the people who answered, on average."""
    errors = [
        abs(value.raw_share - people.shares(question.question)[value.value])
        for question in questions
        for value in question.values
        if value.raw_share is not None
    ]
    return sum(errors) / len(errors) if errors else 0.0


def widening(intervals: int) -> float:
    """Return by how much 95 % intervals are widened, so that in `FALSE_ALARM` of all runs one is wrong."""
    return NormalDist().inv_cdf(1 - FALSE_ALARM / 2 / max(1, intervals)) / _Z95


def outside_of_intervals(questions: list[ShownQuestion], people: People) -> list[str]:
    """Return the values whose truth, in the whole data set, is too far from the estimate.

    The 95 % intervals are widened for all values together; see `widening`.
    """
    shown = [
        (question, value, value.raw_share, value.raw_low, value.raw_high)
        for question in questions
        for value in question.values
    ]
    wider = widening(len(shown))
    return [
        f"{question.question} = {value.label}"
        for question, value, share, low, high in shown
        if share is not None
        and low is not None
        and high is not None
        and not share - wider * (share - low)
        <= people.everybody[question.question][value.value]
        <= share + wider * (high - share)
    ]


def _answers(events: SurveyEvents) -> Iterator[Check]:
    participation, sheets = events.participation, events.state.sheets
    people = len(events.people.drawn)
    accepted, sent = participation.ends[ReportState.ACCEPTED], people * len(sheets)
    least = math.ceil(ANSWERED * sent)
    yield Check(
        name="reports with an answer in time",
        passed=accepted >= least and not participation.problems,
        value=f"{accepted} of {sent}",
        expected=f"{least} or more",
        detail="; ".join(participation.problems[:3]) or "an answer may be lost on its way back",
    )
    released = [sheet.released for sheet in sheets]
    yield Check(
        name="each report released once",
        passed=released == [people] * len(sheets),
        value=", ".join(map(str, released)),
        expected=", ".join([str(people)] * len(sheets)),
        detail="counted by the dashboard, of each question",
    )
    smallest = min(sheet.smallest_batch for sheet in sheets)
    yield Check(
        name="company of each report",
        passed=smallest >= people // 3,
        value=f"{smallest} in the smallest batch",
        expected=f"{people // 3} or more",
        detail="fewer are never released",
    )
    yield Check(
        name="the dashboard fills",
        passed=len(events.filling) >= 2,
        value=", ".join(map(str, events.filling)),
        expected="more each time",
        detail="reports in it, while people answer and after the close",
    )


def _load(load: NodeLoad) -> Iterator[Check]:
    yield Check(
        name="load of the busiest node",
        passed=load.highest < HALF,
        value=f"{load.busiest}: {load.highest:.0%} of a core",
        expected="under 50 %",
        detail="processor time of its process, while the people answered",
    )
    yield Check(
        name="load of all nodes",
        passed=load.of_machine < HALF,
        value=f"{load.of_machine:.0%} of {load.cores} cores",
        expected="under 50 %",
        detail="processor time of their processes, while the people answered",
    )


def _cheats(events: SurveyEvents) -> Iterator[Check]:
    for cheat in events.cheats:
        yield Check(
            name=cheat.what,
            passed=cheat.refused,
            value="refused" if cheat.refused else "taken",
            expected="refused",
            detail=f"as {cheat.reason}" if cheat.reason else "by the issuer",
        )
    expected = Counter(cheat.reason for cheat in events.cheats if cheat.reason)
    is_right = all(events.refusals.get(reason, 0) >= count for reason, count in expected.items())
    yield Check(
        name="refusals counted by reason",
        passed=is_right,
        value=", ".join(f"{reason}: {count}" for reason, count in sorted(events.refusals.items())) or "none",
        expected=", ".join(f"{reason}: {count}" for reason, count in sorted(expected.items())),
        detail="by the collector, for its operator and analysts",
    )


def _results(events: SurveyEvents) -> Iterator[Check]:
    privacy = events.state.privacy
    yield Check(
        name="the promise",
        passed=privacy.eps is not None and privacy.eps <= privacy.promised_eps,
        value=f"eps {privacy.eps:.2f}" if privacy.eps is not None else "no bound",
        expected=f"at most {privacy.promised_eps:g}",
        detail=f"from the batches that were released, at delta {privacy.delta:g}",
    )
    wrong = outside_of_intervals(events.questions, events.people)
    yield Check(
        name="truth and estimate",
        passed=not wrong and all(question.reports for question in events.questions),
        value=f"{len(wrong)} values are too far away",
        expected="0",
        detail="; ".join(wrong) or f"a right estimate is called wrong in {FALSE_ALARM:g} of all runs",
    )


def limit_check(name: str, value: float, most: float, unit: str) -> Check:
    """Return the check that a figure is at most `most`."""
    return Check(name=name, passed=value <= most, value=f"{value:,.0f} {unit}", expected=f"at most {most:,.0f} {unit}")
