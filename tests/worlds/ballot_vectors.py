"""Makes the test vectors of ballots. Run it as a module; what it prints is tests/vectors/votes-ballots.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.worlds.vote_polls import choose, grade, lists, rank, score, write_in, yes_no
from tests.worlds.voters import CHOICES, Voters
from votes.ballot.choices import (
    BlankVote,
    Choice,
    ChosenOptions,
    Grades,
    ListVote,
    Ranking,
    Scores,
    WrittenText,
    YesOrNo,
)
from votes.ballot.plaintexts import coding_of
from votes.ballot.spaces import space_of
from votes.record.polls import Poll

NUMBERED: tuple[tuple[Poll, Choice], ...] = (
    (choose(5, least=1, most=3), ChosenOptions(frozenset({1, 3, 4}))),
    (choose(5, least=0, most=5, blank=True), ChosenOptions(frozenset())),
    (choose(1000, least=2, most=2), ChosenOptions(frozenset({7, 999}))),
    (yes_no(blank=True), BlankVote()),
    (yes_no(blank=True), YesOrNo(False)),
    (rank(4, least=1, most=4), Ranking((2, 0, 3))),
    (rank(54, least=0, most=54, blank=True), Ranking(tuple(reversed(range(54))))),
    (rank(55, least=55, most=55), Ranking(tuple(reversed(range(55))))),
    (score(3, 9), Scores((3, 0, 7))),
    (grade(4, 6), Grades((1, 5, 0, 2))),
    (lists(3, [0, 0, 2, 0, 2], least=0, most=2), ListVote(1)),
    (lists(3, [0, 0, 2, 0, 2], least=0, most=2), ListVote(2, frozenset({2, 4}))),
    (write_in(28), WrittenText("Zürich")),
    (write_in(29, blank=True), WrittenText("a")),
)


def _told(choice: Choice) -> Mapping[str, Any]:
    match choice:
        case BlankVote():
            return {"blank": True}
        case ChosenOptions(options):
            return {"options": sorted(options)}
        case YesOrNo(yes):
            return {"yes": yes}
        case Ranking(order):
            return {"order": list(order)}
        case Scores(values) | Grades(values):
            return {"values": list(values)}
        case ListVote(list_index, options):
            return {"list": list_index, "options": sorted(options)}
        case WrittenText(text):
            return {"text": text}


def _shape(poll: Poll) -> Mapping[str, Any]:
    """Return what the number of a choice depends on."""
    names = ("blank", "least", "most", "highest", "list_of", "longest")
    told = {name: getattr(poll, name) for name in names if hasattr(poll, name)}
    sizes = {name: len(getattr(poll, name)) for name in ("options", "grades", "lists") if hasattr(poll, name)}
    return {"kind": poll.__struct_config__.tag, **told, **sizes}


def _numbers(voters: Voters) -> list[Mapping[str, Any]]:
    return [
        {
            "poll": _shape(poll),
            "choice": _told(choice),
            "number": str(space_of(poll).number(choice)),
            "count": str(space_of(poll).count),
            "elements": voters.group.join(
                [
                    voters.group.embed([data])
                    for coding in [coding_of(poll, voters.group)]
                    for data in [
                        coding.encode(choice)[at : at + coding.data_bytes]
                        for at in range(0, coding.number_bytes, coding.data_bytes)
                    ]
                ]
            )
            .encode()
            .hex(),
        }
        for poll, choice in NUMBERED
    ]


def _ballots(voters: Voters) -> list[Mapping[str, Any]]:
    cast = [(0, CHOICES, 1), (1, (BlankVote(), YesOrNo(False), CHOICES[2]), 7), (0, CHOICES, 2)]
    told = []
    for voter, choices, counter in cast:
        made = voters.made(voter, choices, counter=counter)
        told.append(
            {
                "secret": voters.voters[voter].secret.encode().hex(),
                "counter": counter,
                "choices": [_told(choice) for choice in choices],
                "randomness": made.randomness.encode().hex(),
                "ballot": made.ballot.encoding.hex(),
                "tracking_code": made.ballot.tracking_code,
            }
        )
    return told


def _refused(voters: Voters) -> list[Mapping[str, Any]]:
    one, other = voters.cast(0), voters.cast(1)
    rows = 1 + 32 + 32 + 4
    proof = rows + 64 * voters.form.width
    replies = proof + 32 * (voters.form.width + 1)
    end = replies + 32 * (voters.form.width + 1)
    changes = {
        "another credential": one[:33] + other[33:65] + one[65:end] + other[end:],
        "another counter": one[:65] + bytes([0, 0, 0, 9]) + one[69:],
        "another ciphertext": one[:rows] + other[rows : rows + 64] + one[rows + 64 :],
        "another commitment": one[:proof] + other[proof : proof + 32] + one[proof + 32 :],
        "another reply": one[:replies] + other[replies : replies + 32] + one[replies + 32 :],
        "a reply above the order": one[:replies] + b"\xff" * 32 + one[replies + 32 :],
        "the neutral element": one[:rows] + bytes(32) + one[rows + 32 :],
        "no element": one[:rows] + b"\1" + bytes(31) + one[rows + 32 :],
        "counter 0": one[:65] + bytes(4) + one[69:],
        "another election": one[:1] + bytes(32) + one[33:],
        "another version": b"\2" + one[1:],
        "a path too short": one[:-32],
        "no path": one[:end] + bytes(9),
        "a byte too many": one + b"\0",
    }
    return [{"what": what, "ballot": ballot.hex()} for what, ballot in changes.items()]


def vectors() -> Mapping[str, Any]:
    """Return what the file holds."""
    voters = Voters()
    return {
        "source": "Made by this project from docs/protocol/votes.md, sections 2.1 and 4; checked by other code.",
        "record": voters.world.record.decode(),
        "fingerprint": voters.world.fingerprint.hex(),
        "secret_key": voters.world.secret.encode().hex(),
        "numbers": _numbers(voters),
        "ballots": _ballots(voters),
        "refused": _refused(voters),
    }


if __name__ == "__main__":
    print(json.dumps(vectors(), indent=1, ensure_ascii=False))
