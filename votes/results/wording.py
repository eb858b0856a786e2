"""Words of a result that page, PDF and CSV share."""

from __future__ import annotations

import unicodedata

from votes.results.documents import ResultOfPoll
from votes.tally.outcomes import Figure, share

METHODS_IN_WORDS = {
    "most-votes": "The options with the most ballots win.",
    "majority": "Yes wins if it has more ballots than no.",
    "counts": "The answers are counted, and nobody wins.",
    "irv": "Instant run-off: the weakest option is out, round by round, until one has more than half of the ballots.",
    "stv": "Single transferable vote: who has the quota wins, surplus ballots go on, and the weakest option is out.",
    "schulze": "Schulze's method: each option is compared with each other one.",
    "borda": "Borda's count: each ballot gives points by places.",
    "score": "The options with the highest sums of scores win.",
    "majority-judgment": "Majority judgment: the option with the best median grade wins.",
    "d-hondt": "Seats go to lists by the highest averages (D'Hondt).",
    "sainte-lague": "Seats go to lists by the highest averages (Sainte-Laguë).",
}
"""How each method counts, in a sentence."""
REHEARSAL = "This was a rehearsal with test ballots. The result means nothing."
_DECIMALS = 2
NOT_SEEN = "\ufffd"
"""Stands in the place of a character that cannot be seen."""


def visible(text: str) -> str:
    """Return a text with a mark in place of each character that cannot be seen, as a voter may have written some."""
    return "".join(NOT_SEEN if unicodedata.category(each).startswith("C") else each for each in text)


def verdict(poll: ResultOfPoll) -> str | None:
    """Return a sentence that says who won; `None` for a poll without winners."""
    if poll.method == "counts":
        return None
    sentences = []
    if poll.winners:
        sentences.append(f"Elected: {', '.join(map(visible, poll.winners))}." if _is_choice(poll) else _answer(poll))
    if poll.tied:
        seats = f"{_seats(poll.open_seats)} open" if poll.method != "majority" else "nothing is decided"
        sentences.append(f"Equal: {', '.join(map(visible, poll.tied))}; {seats}.")
    return " ".join(sentences) or "Nobody was elected."


def _is_choice(poll: ResultOfPoll) -> bool:
    return poll.method != "majority"


def _answer(poll: ResultOfPoll) -> str:
    return f"The answer is {poll.winners[0]}."


def _seats(count: int) -> str:
    return "one seat stays" if count == 1 else f"{count:,} seats stay"


def ballots_in_words(poll: ResultOfPoll, voters: int) -> str:
    """Return how many ballots there were, and of what kind."""
    parts = [f"{poll.ballots:,} {'ballot' if poll.ballots == 1 else 'ballots'}"]
    if voters:
        parts[0] += f" of {voters:,} voters ({share(poll.ballots, voters)})"
    if poll.blank:
        parts.append(f"{poll.blank:,} blank")
    if poll.invalid:
        parts.append(f"{poll.invalid:,} invalid")
    return ", ".join(parts) + "."


def figure_in_words(figure: Figure) -> str:
    """Return a figure as people read it: thousands apart, and at most two decimals, the rest cut off."""
    if isinstance(figure, int):
        return f"{figure:,}"
    whole, point, decimals = figure.partition(".")
    if point and whole.isdigit() and decimals.isdigit() and len(decimals) > _DECIMALS:
        return f"{int(whole):,}.{decimals[:_DECIMALS]}"
    return visible(figure)
