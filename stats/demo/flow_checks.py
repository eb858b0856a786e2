"""Whether the example of flights showed what it is to show, and how it is told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from loopixmix.progress import Steps
from loopixmix.seams import Rng
from loopixmix.testnet.story import Story, bar
from loopixmix.verdict import Check, Verdict, verdict
from stats.collect.refusals import ReportRefusal
from stats.demo.data import flights
from stats.demo.flows import AT_ONCE, FlowEvents, hold_flows
from stats.demo.judging import FALSE_ALARM, limit_check, widening

MOST_S = 120.0


def demonstrate_flows(root: Path, people: int, console: Console, rng: Rng) -> Verdict:
    """Hold the example in the folder `root`, and judge it."""
    begin_s = time.monotonic()
    with Steps(console) as steps:
        story = Story(console, steps)
        console.print(
            f"[bold]Flights from New York City in 2013[/]: {people:,} people say from where to where they flew"
        )
        steps.step("reading the flights", 1)
        flown = list(flights())
        steps.finish()
        steps.step(f"{people:,} reports are randomised, checked, held and released", people)
        root.mkdir(parents=True, exist_ok=True)
        events = hold_flows(root, flown, people, rng, steps.done)
        steps.finish()
        _tell(story, events)
    took_s = time.monotonic() - begin_s
    figures = {
        "people": float(people),
        "pairs": float(len(events.everybody)),
        "found": float(len(events.found)),
        "eps": round(events.loss.best, 3),
        "eps0": round(events.eps0, 3),
        "demo_s": round(took_s, 1),
    }
    return verdict([*flow_checks(events), limit_check("time", took_s, MOST_S, "s")], figures)


def flow_checks(events: FlowEvents) -> Iterator[Check]:
    """Yield the checks of the example."""
    yield Check(
        name="each report released once",
        passed=sum(events.batches) == events.reports,
        value=f"{sum(events.batches):,} in {len(events.batches)} batches",
        expected=f"{events.reports:,}",
        detail=f"although one of each {AT_ONCE} came twice",
    )
    refused = {reason: count for reason, count in events.refused.items() if count}
    yield Check(
        name="junk is refused",
        passed=refused == {ReportRefusal.MALFORMED: 1},
        value=", ".join(f"{reason.value}: {count}" for reason, count in refused.items()) or "nothing",
        expected="malformed: 1",
    )
    false = [each.value for each in events.found if each.value not in events.everybody]
    yield Check(
        name="frequent pairs",
        passed=bool(events.found) and not false,
        value=f"{len(events.found)} found, {len(false)} of them false",
        expected="some, none of them false",
        detail="few people may be too few to find any; that one is false has a probability of 5 %: then run it again",
    )
    wrong = far_from_truth(events)
    yield Check(
        name="truth and estimate",
        passed=not wrong,
        value=f"{len(wrong)} of {len(events.everybody)} pairs are too far away",
        expected="0",
        detail=f"a right estimate is called wrong in {FALSE_ALARM:g} of all runs",
    )
    yield Check(
        name="the promise",
        passed=events.loss.best <= events.promised_eps * (1 + 1e-6),
        value=f"eps {events.loss.best:.3f}",
        expected=f"at most {events.promised_eps:g}",
        detail=f"from the smallest batch; eps0 is {events.eps0:.2f}, if all mixes work together",
    )


def far_from_truth(events: FlowEvents) -> list[int]:
    """Return the pairs whose estimate is too far from their share among all flights; see `judging.widening`."""
    wider, shares = widening(len(events.everybody)), events.shares
    return [
        pair
        for pair, truth in events.everybody.items()
        if not shares.raw[pair] - wider * (shares.raw[pair] - shares.low[pair])
        <= truth
        <= shares.raw[pair] + wider * (shares.high[pair] - shares.raw[pair])
    ]


def _tell(story: Story, events: FlowEvents) -> None:
    story.tell("collector", f"released {', '.join(f'{count:,}' for count in events.batches)} reports together")
    most = max((each.share for each in events.found), default=0.0)
    lines = ["", f"{'':9}  {'':40}  estimate, 95 % interval   truth of them  of all flights"]
    for each in events.found:
        origin, destination = divmod(each.value, len(events.places))
        name = f"{events.places[origin]} > {events.places[destination]}"
        thousandths = round(1000 * each.share / most) if most else 0
        interval = f"{each.share:6.2%}  [{each.low:5.2%} to {each.high:5.2%}]"
        truths = f"{events.flown.get(each.value, 0):12.2%}  {events.everybody.get(each.value, 0):14.2%}"
        lines.append(f"{name:9}  {bar(thousandths, 1000):40}  {interval}  {truths}")
    story.show(*lines)
