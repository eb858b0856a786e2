"""The kinds of questions. Each says what its answers are; `stats.questionnaire.answers` turns answers into integers."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

MOST_OPTIONS = 62
"""Of a multiple choice: two for each stand in an integer of 63 bits with room to spare, and nobody reads more."""
MOST_PLACES = 65_536
"""Cells, pairs of places, routes: so many values a question may have."""

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
"""Of a question: the name of its column, too."""
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Labels = Annotated[tuple[Label, ...], msgspec.Meta(min_length=2, max_length=1000)]


class AskedQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What all kinds of questions have."""

    name: Name
    text: Text
    again: bool = False
    """Asked once in each period. Then a person answers by a permanent response, drawn once and remembered."""


class SingleChoice(AskedQuestion, frozen=True, kw_only=True, tag="single"):
    """One of several options."""

    options: Labels


class MultipleChoice(AskedQuestion, frozen=True, kw_only=True, tag="multiple"):
    """Any of several options, also none."""

    options: Annotated[tuple[Label, ...], msgspec.Meta(min_length=2, max_length=MOST_OPTIONS)]


class NumberQuestion(AskedQuestion, frozen=True, kw_only=True, tag="number"):
    """A whole number, of which the bucket is told. What lies outside is put into the first or last bucket."""

    edges: Annotated[tuple[int, ...], msgspec.Meta(min_length=3, max_length=1001)]
    """Ascending. Bucket i holds edges[i] <= number < edges[i + 1]; the last one holds its upper edge, too."""
    unit: str = ""


class CellQuestion(AskedQuestion, frozen=True, kw_only=True, tag="cell"):
    """A cell of a grid on a map. What lies outside has a value of its own, the last one."""

    south: int
    """Microdegrees, as all four sides."""
    west: int
    north: int
    east: int
    rows: Annotated[int, msgspec.Meta(ge=1, le=256)]
    columns: Annotated[int, msgspec.Meta(ge=1, le=256)]


class TripQuestion(AskedQuestion, frozen=True, kw_only=True, tag="trip"):
    """From which place to which: an ordered pair, both from one list."""

    places: Annotated[tuple[Label, ...], msgspec.Meta(min_length=2, max_length=256)]


class RouteQuestion(AskedQuestion, frozen=True, kw_only=True, tag="route"):
    """A short route: `steps` places in their order; a shorter one is filled up with the empty place at its end."""

    places: Annotated[tuple[Label, ...], msgspec.Meta(min_length=2, max_length=255)]
    steps: Annotated[int, msgspec.Meta(ge=2, le=4)]


class Topic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A topic, and the words by which the client finds it in a free text."""

    label: Label
    words: Annotated[tuple[Label, ...], msgspec.Meta(min_length=1, max_length=500)]


class TopicQuestion(AskedQuestion, frozen=True, kw_only=True, tag="topic"):
    """A free text, of which only the topic leaves the client. A text without any has the last value, "other"."""

    topics: Annotated[tuple[Topic, ...], msgspec.Meta(min_length=1, max_length=200)]


class CounterQuestion(AskedQuestion, frozen=True, kw_only=True, tag="counter"):
    """A count of a device or relay in a period: 0 to `most`, in `buckets` of equal width."""

    most: Annotated[int, msgspec.Meta(ge=1, le=2**48)]
    buckets: Annotated[int, msgspec.Meta(ge=2, le=1000)]


AnyQuestion: TypeAlias = (
    SingleChoice
    | MultipleChoice
    | NumberQuestion
    | CellQuestion
    | TripQuestion
    | RouteQuestion
    | TopicQuestion
    | CounterQuestion
)
