"""The values of questions, moments and shares in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import overload

from loopixmix.web.showing.numbers import show_number
from stats.questionnaire.domains import domain_of, edges_of, label_of
from stats.questionnaire.questions import AnyQuestion, CounterQuestion, MultipleChoice, NumberQuestion


class ValueLabels(Sequence[str]):
    """The words for each value of a question, made when they are asked for: there may be 65,536."""

    def __init__(self, question: AnyQuestion) -> None:
        """`question`: no multiple choice, whose options are estimated and not its values."""
        self._question = question

    def __len__(self) -> int:
        """Return how many values there are."""
        return domain_of(self._question)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        """Return the words for one value, or for several."""
        if isinstance(index, slice):
            return [label_of(self._question, value) for value in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return label_of(self._question, index)


def value_labels(question: AnyQuestion) -> Sequence[str]:
    """Return the words for each value of a question; of a multiple choice, for each option."""
    return question.options if isinstance(question, MultipleChoice) else ValueLabels(question)


def bucket_edges(question: AnyQuestion) -> tuple[int, ...] | None:
    """Return the edges of the buckets of a question about numbers; None for another one."""
    return edges_of(question) if isinstance(question, NumberQuestion | CounterQuestion) else None


def moment(at_s: float) -> str:
    """Return a time of day as people read it, in UTC."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def day(at_s: float) -> str:
    """Return a day in UTC, in one word that is not broken."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y\N{NON-BREAKING HYPHEN}%m\N{NON-BREAKING HYPHEN}%d")


def percent(share: float) -> str:
    """Return a share in percent, with one digit behind the point."""
    return f"{share * 100:.1f} %"


def loss_in_words(eps: float) -> str:
    """Return a privacy loss, rounded up: it is never told smaller than it is."""
    return show_number(math.ceil(eps * 1000) / 1000) if math.isfinite(eps) else "no bound"


def chance_in_words(delta: float) -> str:
    """Return a small probability written out."""
    return f"{delta:.15f}".rstrip("0")
