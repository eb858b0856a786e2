"""Real elections whose ballots or votes were published; their sources are in the file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parents[1] / "vectors" / "elections.json"


@dataclass(frozen=True)
class RankedElection:
    """Rankings, by the indices of options, and who won by the method that was used."""

    name: str
    method: str
    seats: int
    options: tuple[str, ...]
    ballots: Mapping[tuple[int, ...], int]
    winners: frozenset[str]
    by_pairs: frozenset[str]
    """Who wins by Schulze's method; empty if nobody published that."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class ListElection:
    """Votes and seats of lists."""

    name: str
    method: str
    seats: int
    lists: tuple[str, ...]
    votes: tuple[int, ...]
    list_seats: tuple[int, ...]


def _read(kind: str) -> Iterator[Mapping[str, Any]]:
    for each in json.loads(_FILE.read_text(encoding="utf-8"))["elections"]:
        if each["kind"] == kind:
            yield each


RANKED_ELECTIONS = tuple(
    RankedElection(
        each["name"],
        each["method"],
        each["seats"],
        tuple(each["options"]),
        {tuple(ranking): count for ranking, count in each["ballots"]},
        frozenset(each["winners"]),
        frozenset(each.get("winners_by", {}).get("schulze", ())),
    )
    for each in _read("rank")
)
IRELAND, BURLINGTON, GNOME = RANKED_ELECTIONS
IRISH_ROUNDS: list[list[int | None]] = next(each["rounds"] for each in _read("rank") if "rounds" in each)
(LISTS_OF_CZECHIA,) = (
    ListElection(
        each["name"],
        each["method"],
        each["seats"],
        tuple(each["lists"]),
        tuple(each["votes"]),
        tuple(each["list_seats"]),
    )
    for each in _read("lists")
)
