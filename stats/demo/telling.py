"""Truth beside estimate, as it is shown on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from loopixmix.testnet.story import BAR_WIDTH, bar
from stats.demo.data import People
from stats.demo.results import ShownQuestion


def result_lines(question: ShownQuestion, people: People) -> Iterator[str]:
    """Yield the lines of a question: for each value the estimate with its interval, and the truth."""
    everybody, drawn = people.everybody[question.question], people.shares(question.question)
    width = max(len(value.label) for value in question.values)
    yield ""
    yield f"{question.text}  ({question.reports} reports)"
    yield f"{'':{width}}  {'':{BAR_WIDTH}}  estimate, 95 % interval     truth of them  of everybody"
    for value in question.values:
        truths = f"{drawn[value.value]:13.1%}  {everybody[value.value]:11.1%}"
        if value.hidden or value.raw_share is None or value.raw_low is None or value.raw_high is None:
            yield f"{value.label:{width}}  {'':{BAR_WIDTH}}  hidden: fewer than 5 people  {truths}"
            continue
        interval = f"{value.raw_share:6.1%}  [{value.raw_low:6.1%} to {value.raw_high:6.1%}]"
        thousandths = max(0, round(1000 * value.raw_share))
        yield f"{value.label:{width}}  {bar(thousandths, 1000):{BAR_WIDTH}}  {interval}  {truths}"
