"""What a person answers becomes an integer: the value of the question's domain that is then randomised."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TypeAlias

from loopixmix.errors import MisuseError
from stats.questionnaire.classifying import topic_of
from stats.questionnaire.domains import MICRO, edges_of, route_value
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

Answer: TypeAlias = str | int | float | Sequence[str] | Sequence[float]
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_DEGREES = re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{1,15})?", re.ASCII)


class AnswerError(MisuseError):
    """This is no answer to the question."""


def value_of(question: AnyQuestion, answer: Answer) -> int:
    """Return the value of an answer; raise `AnswerError`, which says what is allowed.

    `answer`, by kind of question: the text of the option; the chosen options as a list; a whole number; latitude and
    longitude in degrees; the two places of a trip; the places of a route; a free text; a count. A list may also be one
    text, with `;` between its parts (`,` between latitude and longitude, `;` or `->` between places).
    """
    match question:
        case SingleChoice(options=options):
            return _index(question, options, _text(question, answer))
        case MultipleChoice(options=options):
            return _chosen(question, _parts(question, answer, options))
        case NumberQuestion():
            return _bucket(question, _whole(question, answer))
        case CounterQuestion():
            return _count(question, _whole(question, answer))
        case CellQuestion():
            return _cell(question, answer)
        case TripQuestion(places=places):
            return _trip(question, _parts(question, answer, places))
        case RouteQuestion(places=places):
            return _route(question, _parts(question, answer, places))
        case TopicQuestion():
            return topic_of(question, _text(question, answer))


def _text(question: AnyQuestion, answer: Answer) -> str:
    if not isinstance(answer, str):
        raise AnswerError(f"{question.name}: the answer is a text")
    return answer.strip()


def _index(question: AnyQuestion, labels: Sequence[str], label: str) -> int:
    try:
        return labels.index(label)
    except ValueError:
        shown = "; ".join(labels[:12]) + ("; ..." if len(labels) > 12 else "")
        raise AnswerError(f"{question.name}: the answer is one of: {shown}") from None


def _parts(question: AnyQuestion, answer: Answer, labels: Sequence[str]) -> list[str]:
    if isinstance(answer, str):
        # An option may hold a sign that otherwise stands between options.
        if answer.strip() in labels:
            return [answer.strip()]
        arrows = isinstance(question, TripQuestion | RouteQuestion)
        parts = re.split(r"->|;" if arrows else ";", answer)
        return [part.strip() for part in parts] if answer.strip() else []
    if isinstance(answer, Sequence):
        found = [part for part in answer if isinstance(part, str)]
        if len(found) == len(answer):
            return found
    raise AnswerError(f"{question.name}: the answer is a list of texts")


def _chosen(question: MultipleChoice, chosen: Sequence[str]) -> int:
    if len(set(chosen)) != len(chosen):
        raise AnswerError(f"{question.name}: an option is chosen twice")
    return sum(1 << _index(question, question.options, option) for option in chosen)


def _whole(question: AnyQuestion, answer: Answer) -> int:
    if isinstance(answer, str) and _WHOLE.fullmatch(answer.strip()):
        return int(answer)
    if isinstance(answer, float) and answer.is_integer():
        return int(answer)
    if isinstance(answer, int) and not isinstance(answer, bool):
        return answer
    raise AnswerError(f"{question.name}: the answer is a whole number")


def _bucket(question: NumberQuestion, number: int) -> int:
    inner = question.edges[1:-1]
    return sum(edge <= number for edge in inner)


def _count(question: CounterQuestion, count: int) -> int:
    if count < 0:
        raise AnswerError(f"{question.name}: a count is 0 or more")
    return sum(edge <= count for edge in edges_of(question)[1:-1])


def _cell(question: CellQuestion, answer: Answer) -> int:
    latitude, longitude = _degrees(question, answer)
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise AnswerError(f"{question.name}: latitudes are from -90 to 90 degrees, longitudes from -180 to 180")
    north, east = math.floor(latitude * MICRO), math.floor(longitude * MICRO)
    # The upper sides belong to the last row and column, so that a grid of the whole world has no outside.
    if not (question.south <= north <= question.north and question.west <= east <= question.east):
        return question.rows * question.columns
    row = (north - question.south) * question.rows // (question.north - question.south)
    column = (east - question.west) * question.columns // (question.east - question.west)
    return min(row, question.rows - 1) * question.columns + min(column, question.columns - 1)


def _degrees(question: CellQuestion, answer: Answer) -> tuple[float, float]:
    parts: Sequence[object] = ()
    if isinstance(answer, str):
        words = [part.strip() for part in answer.split(",")]
        parts = [float(word) for word in words if _DEGREES.fullmatch(word)] if len(words) == 2 else ()
    elif isinstance(answer, Sequence):
        parts = answer
    found = [float(part) for part in parts if isinstance(part, int | float) and math.isfinite(part)]
    if len(parts) != 2 or len(found) != 2:
        raise AnswerError(f"{question.name}: the answer is latitude and longitude in degrees, such as 52.52, 13.40")
    return found[0], found[1]


def _trip(question: TripQuestion, places: Sequence[str]) -> int:
    if len(places) != 2:
        raise AnswerError(f"{question.name}: the answer is two places, from where and to where")
    origin, destination = (_index(question, question.places, place) for place in places)
    return origin * len(question.places) + destination


def _route(question: RouteQuestion, places: Sequence[str]) -> int:
    if not 1 <= len(places) <= question.steps:
        raise AnswerError(f"{question.name}: the answer is 1 to {question.steps} places")
    return route_value(question, [_index(question, question.places, place) for place in places])
