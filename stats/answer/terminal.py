"""Answering in a terminal: consent, one question after the other, a look at what is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from loopixmix.errors import MisuseError
from stats.answer.answering import GivenAnswers, promised_loss
from stats.answer.desk import RespondentDesk, SurveyStanding
from stats.answer.hints import hint_of, reason_of
from stats.answer.ledger import shown_loss, spent
from stats.answer.surveys import JoinedSurvey, shown_time
from stats.answer.wording import told_mechanism, told_persons, told_promise
from stats.questionnaire.answers import Answer, AnswerError, value_of
from stats.questionnaire.domains import label_of
from stats.questionnaire.questions import AnyQuestion, MultipleChoice, SingleChoice


@dataclass(frozen=True)
class TerminalTalk:
    """How a person is talked to. `say`: shows a line; `ask`: returns what was typed; `confirm`: yes or no."""

    say: Callable[[str], object]
    ask: Callable[[str], str]
    confirm: Callable[[str], bool]


async def answer_survey(
    talk: TerminalTalk,
    desk: RespondentDesk,
    survey: JoinedSurvey,
    *,
    given: Mapping[str, Answer] | None,
    is_sure: bool,
    now_s: float,
) -> bool:
    """Ask what is still to be answered, show what is sent, and take it; tell whether anything was taken.

    `given`: answers by the names of the questions; then nothing is asked. `is_sure`: the look at it needs no yes.
    Raises what `RespondentDesk.answer` raises, and `AnswerError`.
    """
    found = await desk.standing(survey)
    period = survey.open_period(now_s)
    questions = _open_questions(found)
    if not questions and given is None:
        talk.say(f"{survey.title}: you answered it, for the period until {shown_time(period.ends_s)}")
        return False
    for line in _consent(survey, period.ends_s):
        talk.say(line)
    answers = _asked(talk, survey, questions) if given is None else given_answers(survey, given)
    budget = await desk.budget()
    talk.say("")
    for line in _preview(survey, answers):
        talk.say(line)
    spending = shown_loss(spent(budget.losses, budget.limits, now_s).eps)
    talk.say(
        f"It costs up to eps = {shown_loss(promised_loss(survey))} of your privacy budget, of which {spending} of "
        f"{shown_loss(budget.limits.eps)} is spent."
    )
    if not is_sure and not talk.confirm("Send it?"):
        talk.say("nothing was sent")
        return False
    await desk.answer(survey, answers)
    return True


def given_answers(survey: JoinedSurvey, given: Mapping[str, Answer]) -> GivenAnswers:
    """Return answers by the names of questions as values; raise `AnswerError`, `MisuseError` for an unknown name."""
    by_name = {question.name: question for question in survey.questionnaire.draft.questions}
    values, words = {}, {}
    for name, answer in given.items():
        if name not in by_name:
            raise MisuseError(f"the survey has no question {name[:40]!r}; it has: {', '.join(by_name)}")
        values[name] = value_of(by_name[name], answer)
        words[name] = label_of(by_name[name], values[name])
    return GivenAnswers(values, words)


def _open_questions(found: SurveyStanding) -> list[AnyQuestion]:
    if found.period is None:
        return []
    done = {report.place.sheet for report in found.reports if report.place.period == found.period.number}
    sheets = enumerate(found.survey.questionnaire.sheets)
    names = {name for number, sheet in sheets if number not in done for name in sheet.questions}
    return [question for question in found.survey.questionnaire.draft.questions if question.name in names]


def _consent(survey: JoinedSurvey, ends_s: float) -> list[str]:
    draft = survey.questionnaire.draft
    return [
        draft.title,
        "=" * len(draft.title),
        *(line.strip() for line in draft.consent.split("\n")),
        "",
        f"This survey's id is {survey.survey_id.hex()}. If it was published, compare.",
        *told_promise(survey),
        told_persons(survey),
        f"It can be answered until {shown_time(ends_s)}.",
    ]


def _asked(talk: TerminalTalk, survey: JoinedSurvey, questions: Sequence[AnyQuestion]) -> GivenAnswers:
    if not talk.confirm("Do you want to answer?"):
        raise AnswerError("nothing was answered")
    values, words = {}, {}
    for number, question in enumerate(questions, 1):
        talk.say("")
        talk.say(f"{number} of {len(questions)}: {question.text}")
        for line in _choices(question):
            talk.say(line)
        value = _value(talk, question, may_skip=not survey.is_together)
        if value is not None:
            values[question.name], words[question.name] = value, label_of(question, value)
    if not values:
        raise AnswerError("no question was answered, and nothing is sent")
    return GivenAnswers(values, words)


def _choices(question: AnyQuestion) -> list[str]:
    match question:
        case SingleChoice(options=options):
            return [*(f"  {number}  {option}" for number, option in enumerate(options, 1)), "Type a number."]
        case MultipleChoice(options=options):
            lines = [f"  {number}  {option}" for number, option in enumerate(options, 1)]
            return [*lines, "Type the numbers of all that you choose, with spaces between them; 0 for none."]
        case _:
            return [hint_of(question)]


def _value(talk: TerminalTalk, question: AnyQuestion, *, may_skip: bool) -> int | None:
    while True:
        typed = talk.ask("Answer (empty: none)" if may_skip else "Answer").strip()
        if not typed and may_skip:
            return None
        try:
            return value_of(question, _typed(question, typed))
        except AnswerError as error:
            talk.say(f"That does not go: {reason_of(question, error)}.")


def _typed(question: AnyQuestion, typed: str) -> Answer:
    """Return the answer that was typed: numbers stand for options."""
    if not isinstance(question, SingleChoice | MultipleChoice):
        return typed
    words = typed.replace(",", " ").split()
    if not words or not all(word.isascii() and word.isdigit() and len(word) < 5 for word in words):
        return typed
    numbers = [int(word) for word in words]
    is_none = isinstance(question, MultipleChoice) and numbers == [0]
    if not is_none and not all(1 <= number <= len(question.options) for number in numbers):
        raise AnswerError(f"{question.name}: the numbers are 1 to {len(question.options)}")
    chosen = [] if is_none else [question.options[number - 1] for number in numbers]
    if isinstance(question, MultipleChoice):
        return chosen
    if len(chosen) != 1:
        raise AnswerError(f"{question.name}: one number is allowed")
    return chosen[0]


def _preview(survey: JoinedSurvey, given: GivenAnswers) -> list[str]:
    lines = ["What is sent", "============"]
    for number, sheet in enumerate(survey.questionnaire.sheets):
        for question, spec in zip(survey.questions_of(number), sheet.mechanisms, strict=True):
            if question.name in given.words:
                lines += [question.text, f"  {given.words[question.name]}", f"  {told_mechanism(question, spec)}"]
    lines.append("Each report has 1,000 bytes, and leaves at a random time of its own. Chance is drawn once.")
    return lines
