"""Permanent responses: whoever is asked again answers as the first time (Erlingsson, Pihur, Korolova 2014).

With a new draw in each period, the mean of many reports would tell the answer. A report that is drawn once, and sent
again, tells no more than it did the first time. If the answer changes, the new one is drawn for itself; somebody who
changes between m answers has told m randomised reports, so that at most m * eps0 is lost over all periods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng
from stats.randomise.mechanism import Mechanism

MOST_REMEMBERED = 100_000
"""Of all questions of a survey together; nobody changes between so many answers."""


@dataclass(frozen=True)
class RememberedResponse:
    """What was drawn for one answer to one question. Secret: it tells the answer."""

    question: str
    answer: int = field(repr=False)
    report: int = field(repr=False)


@dataclass(frozen=True)
class PermanentResponses:
    """All that a client remembers of one survey: the report by question and answer. The client's ledger keeps it."""

    remembered: Mapping[tuple[str, int], int] = field(default_factory=dict, repr=False)

    def of(self, question: str, answer: int) -> RememberedResponse | None:
        """Return what was drawn for `answer` to `question`, or None."""
        report = self.remembered.get((question, answer))
        return None if report is None else RememberedResponse(question, answer, report)

    def draw(self, question: str, answer: int, mechanism: Mechanism, rng: Rng) -> RememberedResponse:
        """Return the remembered response, or draw one, which must be remembered before it is sent (`with_new`).

        Raise `MisuseError` if there is no such answer, or if too much is remembered.
        """
        known = self.of(question, answer)
        if known is not None:
            if not 0 <= known.report < mechanism.outputs:
                raise MisuseError(f"what is remembered of the question {question!r} is no report of its mechanism")
            return known
        if len(self.remembered) >= MOST_REMEMBERED:
            raise MisuseError(f"at most {MOST_REMEMBERED} answers of a survey are remembered")
        return RememberedResponse(question, answer, mechanism.randomise(answer, rng))

    def with_new(self, response: RememberedResponse) -> PermanentResponses:
        """Return what is remembered together with `response`; raise `MisuseError` if it was drawn otherwise before."""
        known = self.of(response.question, response.answer)
        if known is not None and known != response:
            raise MisuseError(f"the question {response.question!r} has another permanent response for this answer")
        return PermanentResponses({**self.remembered, (response.question, response.answer): response.report})
