"""The values of each kind of question: integers, and what each of them means (docs/protocol/stats.md, 1)."""

from __future__ import annotations

from collections.abc import Sequence

from loopixmix.errors import MisuseError
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

MICRO = 1_000_000
"""Microdegrees in a degree."""
OUTSIDE = "outside"
OTHER = "other"
NONE_CHOSEN = "none"


def domain_of(question: AnyQuestion) -> int:
    """Return how many values a question has; a value is an integer from 0 up to, not including, this."""
    match question:
        case SingleChoice(options=options):
            return len(options)
        case MultipleChoice(options=options):
            return 1 << len(options)
        case NumberQuestion(edges=edges):
            return len(edges) - 1
        case CellQuestion(rows=rows, columns=columns):
            return rows * columns + 1
        case TripQuestion(places=places):
            return len(places) ** 2
        case RouteQuestion(places=places, steps=steps):
            return sum(_routes(places, length) for length in range(1, steps + 1))
        case TopicQuestion(topics=topics):
            return len(topics) + 1
        case CounterQuestion(buckets=buckets):
            return buckets


def label_of(question: AnyQuestion, value: int) -> str:
    """Return what a value means, for people; raise `MisuseError` if there is no such value."""
    checked(question, value)
    match question:
        case SingleChoice(options=options):
            return options[value]
        case MultipleChoice():
            return "; ".join(chosen_of(question, value)) or NONE_CHOSEN
        case NumberQuestion() | CounterQuestion():
            return _bucket_label(question, value)
        case CellQuestion():
            return _cell_label(question, value)
        case TripQuestion():
            return " -> ".join(trip_of(question, value))
        case RouteQuestion():
            return " -> ".join(route_of(question, value))
        case TopicQuestion(topics=topics):
            return topics[value].label if value < len(topics) else OTHER


def chosen_of(question: MultipleChoice, value: int) -> tuple[str, ...]:
    """Return the options that a value of a multiple choice says are chosen."""
    return tuple(option for index, option in enumerate(question.options) if value >> index & 1)


def edges_of(question: NumberQuestion | CounterQuestion) -> tuple[int, ...]:
    """Return the edges of the buckets of a number or counter, ascending, one more than there are values.

    Bucket i holds edges[i] <= number < edges[i + 1]; the last one holds its upper edge, too.
    """
    if isinstance(question, NumberQuestion):
        return question.edges
    numbers = question.most + 1
    lower = [-(-index * numbers // question.buckets) for index in range(question.buckets)]
    return (*lower, question.most)


def cell_of(question: CellQuestion, value: int) -> tuple[int, int] | None:
    """Return row and column of a cell, row 0 in the south and column 0 in the west; None for outside."""
    checked(question, value)
    return None if value == question.rows * question.columns else divmod(value, question.columns)


def cell_bounds(question: CellQuestion, row: int, column: int) -> tuple[float, float, float, float]:
    """Return south, west, north and east of a cell, in degrees."""
    height = (question.north - question.south) / question.rows / MICRO
    width = (question.east - question.west) / question.columns / MICRO
    south, west = question.south / MICRO + row * height, question.west / MICRO + column * width
    return south, west, south + height, west + width


def trip_of(question: TripQuestion, value: int) -> tuple[str, str]:
    """Return from where to where a value says that it went."""
    origin, destination = divmod(checked(question, value), len(question.places))
    return question.places[origin], question.places[destination]


def route_of(question: RouteQuestion, value: int) -> tuple[str, ...]:
    """Return the places of a route, 1 to `steps` of them."""
    checked(question, value)
    places, length = question.places, 1
    # The shorter routes come first.
    while value >= _routes(places, length):
        value -= _routes(places, length)
        length += 1
    found = []
    for _ in range(length):
        value, index = divmod(value, len(places))
        found.append(places[index])
    return tuple(reversed(found))


def route_value(question: RouteQuestion, places: Sequence[int]) -> int:
    """Return the value of a route, given by the indexes of its places, 1 to `steps` of them."""
    count, value = len(question.places), 0
    for place in places:
        value = value * count + place
    return value + sum(_routes(question.places, length) for length in range(1, len(places)))


def _routes(places: Sequence[str], length: int) -> int:
    return int(len(places) ** length)


def checked(question: AnyQuestion, value: int) -> int:
    """Return `value`, or raise `MisuseError` if the question has no such value."""
    if not 0 <= value < domain_of(question):
        raise MisuseError(f"{question.name}: the values are 0 to {domain_of(question) - 1}, not {value}")
    return value


def _bucket_label(question: NumberQuestion | CounterQuestion, value: int) -> str:
    edges = edges_of(question)
    last = value == len(edges) - 2
    lower, upper = edges[value], edges[value + 1] if last else edges[value + 1] - 1
    unit = question.unit if isinstance(question, NumberQuestion) else ""
    numbers = f"{lower:,}" if lower == upper else f"{lower:,} to {upper:,}"
    return f"{numbers} {unit}".rstrip()


def _cell_label(question: CellQuestion, value: int) -> str:
    place = cell_of(question, value)
    if place is None:
        return OUTSIDE
    south, west, north, east = cell_bounds(question, *place)
    return f"{south:.4f} to {north:.4f}, {west:.4f} to {east:.4f}"
