"""Floors: what a network must have at least, so that a client hides anything in it (docs/protocol/floors.md).

An authority decides how many layers there are, how long packets wait, and how much cover is sent. One that is corrupt,
or was forced, could take all of it away, and clients would follow. So a client has bounds of its own.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

from loopixmix.directory import Document
from loopixmix.params import LEAST_MIXES_A_LAYER, PULL_MARGIN, NetworkParams


class Acceptance(enum.Enum):
    """Which networks a client takes part in."""

    REFUSE = "refuse"
    """Those that reach the floors."""
    WARN = "warn"
    """Others, too, as its user has said: that stays a problem which is told."""
    TEST = "test"
    """Others, too: the trust root says that this is a test network."""
    ANY = "any"
    """All that can be described: in simulations."""


def faults(document: Document) -> list[str]:
    """Return what a network lacks to reach the floors, one clause each; nothing for one that reaches them."""
    return list(_faults(document))


def unfit(figures: NetworkParams) -> str | None:
    """Return why a client cannot live by these figures of a network, None if it can."""
    if figures.pulls_suffice:
        return None
    return (
        f"pulls fetch {figures.pulled_per_s:g} items a second, and streams and answers can bring "
        f"{figures.streams_per_s + figures.own_answers_per_s:g}: mail would wait for ever behind a flood; it takes "
        f"{PULL_MARGIN} times as many, at least {figures.least_pulled_per_s:g}"
    )


def _faults(document: Document) -> Iterator[str]:
    params = document.params
    yield from params.floor_faults
    for layer in range(1, params.layers + 1):
        # By what is listed: a promise of more mixes hides nobody.
        if (count := len(document.layer(layer))) < LEAST_MIXES_A_LAYER:
            yield f"mixes in layer {layer}: {count}, at least {LEAST_MIXES_A_LAYER}"
