"""The issuer as a hosted service: respondents ask it anonymously, over the network."""

from __future__ import annotations

from loopixmix.seams import Clock
from provider.api import Declaration
from stats.issue.issuing import SurveyIssuing

SERVICE = "stats-issuer"


class SurveyIssuer:
    """Signs tokens. Some threads wait at one time, so that what they write shares a commit."""

    name = SERVICE
    # Repetitions are known by the messages themselves, so that a provider need not keep the answers.
    declaration = Declaration(threads=16, recognises_repetition=True)

    def __init__(self, issuing: SurveyIssuing, clock: Clock) -> None:
        """`issuing`: of the same program, which closes its store. `clock`: tells when a period ends."""
        self._issuing = issuing
        self._clock = clock

    def answer_again(self, repetition_key: bytes, body: bytes) -> bytes:  # noqa: ARG002 (the messages tell)
        """Return the answer to a request, in a thread; see `stats.issue.issuing.SurveyIssuing.issue`."""
        return self._issuing.issue(body, self._clock.seconds())
