"""A survey that was joined: its questionnaire, its periods, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from loopixmix.errors import MisuseError
from stats.answer.store.rows import KeptSurvey
from stats.questionnaire.promises import period_count, period_span
from stats.questionnaire.questionnaire import Mode, PersonKind, Questionnaire, Travel, decode_questionnaire
from stats.questionnaire.questions import AnyQuestion


class NotOpenError(MisuseError):
    """The survey takes no answers now."""


@dataclass(frozen=True)
class OpenPeriod:
    """A period in which each person answers once; begin and end in Unix seconds, the end not included."""

    number: int
    begins_s: float
    ends_s: float


@dataclass(frozen=True)
class JoinedSurvey:
    """A survey, decoded from what is kept of it."""

    kept: KeptSurvey
    questionnaire: Questionnaire = field(repr=False)

    @classmethod
    def of(cls, kept: KeptSurvey) -> JoinedSurvey:
        """Decode a survey that is kept."""
        return cls(kept, decode_questionnaire(kept.questionnaire))

    @property
    def survey_id(self) -> bytes:
        """Its id."""
        return self.kept.survey_id

    @property
    def title(self) -> str:
        """Its title."""
        return self.questionnaire.draft.title

    @property
    def takes_tokens(self) -> bool:
        """Whether each report needs a token."""
        return self.questionnaire.draft.persons.kind is not PersonKind.OPEN

    @property
    def is_together(self) -> bool:
        """Whether all answers travel in one report."""
        return self.questionnaire.draft.travel is Travel.TOGETHER

    @property
    def is_central(self) -> bool:
        """Whether true answers leave, and the collector adds the noise."""
        return self.questionnaire.draft.privacy.mode is Mode.CENTRAL

    def questions_of(self, sheet: int) -> list[AnyQuestion]:
        """Return the questions that travel in one report."""
        by_name = {question.name: question for question in self.questionnaire.draft.questions}
        return [by_name[name] for name in self.questionnaire.sheets[sheet].questions]

    @property
    def period_count(self) -> int:
        """How many periods there are."""
        return period_count(self.questionnaire.draft)

    def period(self, number: int) -> OpenPeriod:
        """Return a period by its number."""
        begins_s, ends_s = period_span(self.questionnaire.draft, number)
        return OpenPeriod(number, begins_s, min(self.questionnaire.draft.closes_s, ends_s))

    def find_period(self, now_s: float) -> OpenPeriod | None:
        """Return the period that is open at `now_s`, if there is one."""
        draft = self.questionnaire.draft
        if not draft.opens_s <= now_s < draft.closes_s:
            return None
        number = 0 if draft.periods is None else int(now_s - draft.opens_s) // draft.periods.length_s
        return self.period(number) if number < self.period_count else None

    def open_period(self, now_s: float) -> OpenPeriod:
        """Return the period that is open at `now_s`; raise `NotOpenError`, which says what to do."""
        found = self.find_period(now_s)
        if found is not None:
            return found
        if now_s < self.questionnaire.draft.opens_s:
            raise NotOpenError(f"the survey opens on {shown_time(self.questionnaire.draft.opens_s)}; come back then")
        last_s = self.period(self.period_count - 1).ends_s
        raise NotOpenError(f"the survey closed on {shown_time(last_s)}; nothing is sent any more")

    def is_over(self, now_s: float) -> bool:
        """Tell whether no period is open at `now_s` or later."""
        return now_s >= self.period(self.period_count - 1).ends_s


def shown_time(at_s: float) -> str:
    """Return a time as a person reads it."""
    return f"{datetime.fromtimestamp(at_s, UTC):%d %B %Y, %H:%M} UTC"
