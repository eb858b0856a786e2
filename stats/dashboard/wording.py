"""The values of questions in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise, product

from loopixmix.web.showing.numbers import show_number
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

ARROW = " \N{RIGHTWARDS ARROW} "
ELSEWHERE, OTHER = "outside of the map", "other"
_MICRO = 1_000_000


def value_labels(question: AnyQuestion) -> Sequence[str]:
    """Return the words for each value of a question; of a multiple choice, for each option."""
    match question:
        case SingleChoice(options=options) | MultipleChoice(options=options):
            return options
        case NumberQuestion() | CounterQuestion():
            edges = edges_of(question) or ()
            unit = question.unit if isinstance(question, NumberQuestion) else ""
            spans = enumerate(pairwise(edges), 2)
            return [_span(low, high, unit, holds_upper=number == len(edges)) for number, (low, high) in spans]
        case CellQuestion(rows=rows, columns=columns):
            return [*(cell_label(question, cell) for cell in range(rows * columns)), ELSEWHERE]
        case TripQuestion(places=places):
            return [f"{origin}{ARROW}{destination}" for origin in places for destination in places]
        case RouteQuestion(places=places, steps=steps):
            return [_route(route) for route in product((*places, ""), repeat=steps)]
        case TopicQuestion(topics=topics):
            return [*(topic.label for topic in topics), OTHER]


def edges_of(question: AnyQuestion) -> tuple[int, ...] | None:
    """Return the edges of the buckets of a question about numbers; None for another one."""
    match question:
        case NumberQuestion(edges=edges):
            return edges
        case CounterQuestion(most=most, buckets=buckets):
            return (*(bucket * (most + 1) // buckets for bucket in range(buckets)), most)
        case _:
            return None


def cell_label(question: CellQuestion, cell: int) -> str:
    """Return the middle of a cell in degrees. Row 0 is the southern one, column 0 the western one."""
    row, column = divmod(cell, question.columns)
    latitude = question.south + (question.north - question.south) * (row + 0.5) / question.rows
    longitude = question.west + (question.east - question.west) * (column + 0.5) / question.columns
    return f"{_degrees(latitude, 'N', 'S')} {_degrees(longitude, 'E', 'W')}"


def moment(at_s: float) -> str:
    """Return a time of day as people read it, in UTC."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def percent(share: float) -> str:
    """Return a share in percent, with one digit behind the point."""
    return f"{share * 100:.1f} %"


def _span(low: int, high: int, unit: str, *, holds_upper: bool) -> str:
    """Return a bucket of whole numbers in words, by its first and last one."""
    last = high if holds_upper else high - 1
    numbers = show_number(low) if low == last else f"{show_number(low)} to {show_number(last)}"
    return f"{numbers} {unit}".strip()


def _route(places: Sequence[str]) -> str:
    return ARROW.join(place for place in places if place) or "no route"


def _degrees(value_microdegrees: float, positive: str, negative: str) -> str:
    side = positive if value_microdegrees >= 0 else negative
    return f"{abs(value_microdegrees) / _MICRO:.4f}\N{DEGREE SIGN} {side}"
