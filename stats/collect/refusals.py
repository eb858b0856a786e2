"""Why a report does not count. Its sender learns only that it does not; the collector counts by reason."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import Enum

REFUSAL = "the collector does not take it"
"""What every refusal says, whatever its reason."""


class ReportRefusal(Enum):
    """The reasons, in the order in which they are looked for."""

    MALFORMED = "malformed"
    UNKNOWN_SURVEY = "unknown-survey"
    """Also: another version of its questionnaire."""
    CLOSED = "closed"
    """Too early, too late, or another period."""
    OUTSIDE_DOMAIN = "outside-domain"
    TOKEN = "token"  # noqa: S105 (a reason, not a token)
    """None, forged, of another key, or spent with another report."""
    FULL = "full"
    """A survey that is open to anybody has as many reports as its operator allows."""


class RefusalCounts:
    """How many were refused, by survey and reason. Any thread may use it."""

    def __init__(self) -> None:
        """Begin with none."""
        self._changing = threading.Lock()
        self._counts: Counter[tuple[bytes, ReportRefusal]] = Counter()

    def add(self, refused: Iterable[tuple[bytes, ReportRefusal]]) -> None:
        """Count refusals: the id of the survey, empty if it is not known, and the reason."""
        with self._changing:
            self._counts.update(refused)

    def take(self) -> Mapping[tuple[bytes, ReportRefusal], int]:
        """Return all that were counted since the last time, and begin again."""
        with self._changing:
            taken, self._counts = self._counts, Counter()
        return taken

    def put_back(self, taken: Mapping[tuple[bytes, ReportRefusal], int]) -> None:
        """Count again what was taken and could not be written down."""
        with self._changing:
            self._counts.update(dict(taken))
