"""When waiting reports are released, and how many (docs/protocol/stats.md, 5). A pure function of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from stats.questionnaire.questionnaire import AtClose, Batching


@dataclass(frozen=True)
class ReleaseNow:
    """Release all but `held_back` of them, which are drawn at random."""

    held_back: int


@dataclass(frozen=True)
class DiscardNow:
    """The period is over and they are too few: erase them. There may be none."""


@dataclass(frozen=True)
class KeepWaiting:
    """They wait on."""


Release: TypeAlias = ReleaseNow | DiscardNow | KeepWaiting


def judge_waiting(waiting: int, batching: Batching, *, last_release_s: float, is_over: bool, now_s: float) -> Release:
    """Return what is to become of `waiting` reports of one kind and period.

    `last_release_s`: of that kind and period; if there was none, when the period began. `is_over`: the period has
    ended, and no report comes any more.
    """
    threshold = batching.threshold
    if is_over:
        # Those that were held back are at least `threshold`: they have each other's company.
        return ReleaseNow(0) if waiting >= threshold else DiscardNow()
    held_back = threshold if batching.at_close is AtClose.MERGE else 0
    free = waiting - held_back
    waited = now_s - last_release_s >= batching.longest_wait_s
    return ReleaseNow(held_back) if free >= 2 * threshold or (free >= threshold and waited) else KeepWaiting()
