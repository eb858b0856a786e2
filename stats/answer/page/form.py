"""The form of a survey: consent, its questions, and the answers that were entered."""

from __future__ import annotations

from dataclasses import dataclass

from loopixmix.web.forms.fields import Option, SeveralField
from loopixmix.web.forms.forms import Filled, Form
from stats.answer.answering import GivenAnswers
from stats.answer.hints import reason_of
from stats.answer.page.questions import AskedFields, asked_fields
from stats.answer.surveys import JoinedSurvey
from stats.questionnaire.answers import AnswerError, value_of
from stats.questionnaire.domains import label_of
from stats.questionnaire.questions import AnyQuestion

AGREED = SeveralField(
    "consent", "Do you want to answer?", [Option("yes", "Yes, knowing what that gives away.")], least=1, most=1
)


@dataclass(frozen=True)
class SurveyForm:
    """The questions of a survey that are still to be answered, by the numbers of their sheets."""

    survey: JoinedSurvey
    sheets: tuple[int, ...]

    @property
    def questions(self) -> list[AnyQuestion]:
        """The questions, in the order of the draft."""
        asked = {name for sheet in self.sheets for name in self.survey.questionnaire.sheets[sheet].questions}
        return [question for question in self.survey.questionnaire.draft.questions if question.name in asked]

    @property
    def form(self) -> Form:
        """The form."""
        fields = [field for each in self._asked() for field in each.fields]
        return Form(*fields, AGREED, submit="Look at what is sent")

    def read(self, filled: Filled) -> GivenAnswers:
        """Return the answers; raise `AnswerError` with the words of the question if they do not go together."""
        values, words = {}, {}
        for each in self._asked():
            try:
                answer = each.read(filled)
                if answer is None:
                    continue
                value = value_of(each.question, answer)
            except AnswerError as error:
                raise AnswerError(f"{each.question.text} {reason_of(each.question, error)}") from error
            values[each.question.name], words[each.question.name] = value, label_of(each.question, value)
        if not values:
            raise AnswerError("answer at least one question")
        return GivenAnswers(values, words)

    def _asked(self) -> list[AskedFields]:
        # What travels apart may be left out: nobody sees whose report is missing.
        return [asked_fields(question, may_skip=not self.survey.is_together) for question in self.questions]
