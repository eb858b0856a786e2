"""How a question is answered by text, and what is wrong with an answer, in words for a person."""

from __future__ import annotations

from collections.abc import Sequence

from stats.questionnaire.answers import AnswerError
from stats.questionnaire.domains import MICRO
from stats.questionnaire.questions import (
    AnyQuestion,
    CellQuestion,
    CounterQuestion,
    MultipleChoice,
    NumberQuestion,
    RouteQuestion,
    SingleChoice,
    TopicQuestion,
    TripQuestion,
)

MOST_SHOWN = 12
"""More options stand in a list that opens."""


def hint_of(question: AnyQuestion) -> str:
    """Return how a question is answered by text, in a sentence or two."""
    match question:
        case NumberQuestion(edges=edges, unit=unit):
            called = f"A whole number of {unit}" if unit else "A whole number"
            return f"{called}. Only its range counts, one of {len(edges) - 1} from {edges[0]:,} to {edges[-1]:,}."
        case CounterQuestion(most=most, buckets=buckets):
            return f"A count from 0 to {most:,}. Only its range counts, one of {buckets}."
        case CellQuestion():
            south, west, north, east = (
                each / MICRO for each in (question.south, question.west, question.north, question.east)
            )
            return (
                f"Latitude and longitude in degrees, such as {(south + north) / 2:.2f}, {(west + east) / 2:.2f}. Only "
                f"the field of a map counts, one of {question.rows * question.columns:,}; all else is outside."
            )
        case TopicQuestion(topics=topics):
            labels = ", ".join(topic.label for topic in topics[:MOST_SHOWN])
            more = ", ..." if len(topics) > MOST_SHOWN else ""
            return f"Your text never leaves this machine. Only its topic counts: {labels}{more}, or other."
        case TripQuestion(places=places):
            return f"Two places with -> between them. There are: {_list(places)}"
        case RouteQuestion(places=places, steps=steps):
            return f"1 to {steps} places with -> between them. There are: {_list(places)}"
        case SingleChoice(options=options):
            return f"One of: {_list(options)}"
        case MultipleChoice(options=options):
            return f"Any of these, with ; between them, or none of them: {_list(options)}"


def reason_of(question: AnyQuestion, error: AnswerError) -> str:
    """Return what is wrong with an answer, without the name of its question, which people are not shown."""
    return str(error).removeprefix(f"{question.name}: ")


def _list(names: Sequence[str]) -> str:
    return "; ".join(names)
