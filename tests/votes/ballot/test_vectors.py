"""The vectors, read by code that was written from the page alone: hashlib, libsodium's ristretto255, and integers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, permutations
from math import comb, perm
from pathlib import Path
from typing import Any

import pytest
import rbcl

from loopixmix.group.ristretto import engine_names, ristretto255
from votes.ballot.ballots import BallotError
from votes.ballot.checking import BallotCheck
from votes.ballot.form import form_of
from votes.record.election import decode_draft

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "votes-ballots.json").read_text(encoding="utf-8"))
RECORD = json.loads(VECTORS["record"])
ORDER = 2**252 + 27742317777372353535851937790883648493


def _times(scalar: int, point: bytes) -> bytes:
    return bytes(rbcl.crypto_scalarmult_ristretto255_allow_scalar_zero(scalar.to_bytes(32, "little"), point))


def _base(scalar: int) -> bytes:
    return bytes(rbcl.crypto_scalarmult_ristretto255_base(scalar.to_bytes(32, "little")))


def _add(one: bytes, other: bytes) -> bytes:
    return bytes(rbcl.crypto_core_ristretto255_add(one, other))


def _sub(one: bytes, other: bytes) -> bytes:
    return bytes(rbcl.crypto_core_ristretto255_sub(one, other))


def _scalar(encoded: bytes) -> int:
    number = int.from_bytes(encoded, "little")
    assert number < ORDER
    return number


def _challenge(name: str, *items: bytes) -> int:
    hashed = b""
    for item in (b"loopixmix-votes-1/" + name.encode(), *items):
        hashed += len(item).to_bytes(8, "big") + item
    return int.from_bytes(hashlib.shake_256(hashed).digest(64), "little") % ORDER


def _parts(data: bytes, size: int = 32) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


class _Read:
    """A ballot, cut as the page says."""

    def __init__(self, data: bytes, width: int) -> None:
        self.version, self.fingerprint, self.credential = data[0], data[1:33], data[33:65]
        self.counter = int.from_bytes(data[65:69], "big")
        at = 69 + 64 * width
        self.rows, self.commitments = data[69:at], data[at : at + 32 * (width + 1)]
        at += 32 * (width + 1)
        self.replies = data[at : at + 32 * (width + 1)]
        at += 32 * (width + 1)
        self.place = data[at:]
        self.index = int.from_bytes(data[at + 1 : at + 9], "big")
        self.path = _parts(data[at + 9 :])
        assert data[at] == len(self.path)

    def proof_holds(self) -> bool:
        challenge = _challenge(
            "ballot",
            self.fingerprint,
            self.credential,
            self.counter.to_bytes(8, "big"),
            self.rows,
            self.place,
            *_parts(self.commitments),
        )
        proved = (self.credential, *_parts(self.rows)[::2])
        equations = zip(_parts(self.replies), _parts(self.commitments), proved, strict=True)
        return all(_base(_scalar(s)) == _add(t, _times(challenge, p)) for s, t, p in equations)


def _width(poll: Mapping[str, Any]) -> int:
    return max(1, -(-(_count(poll) - 1).bit_length() // 240))


def _sizes(poll: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**poll, **{name: len(poll[name]) for name in ("options", "grades", "lists") if name in poll}}


def _count(poll: Mapping[str, Any]) -> int:
    """Return the number of choices, by the page's table."""
    blank, kind = int(poll["blank"]), poll["kind"]
    options = poll.get("options", 0)
    sizes = range(poll.get("least", 0), poll.get("most", 0) + 1)
    if kind == "choose":
        return blank + sum(comb(options, size) for size in sizes)
    if kind == "rank":
        return blank + sum(perm(options, size) for size in sizes)
    if kind == "yes-no":
        return blank + 2
    if kind == "score":
        return blank + int((poll["highest"] + 1) ** options)
    if kind == "grade":
        return blank + int(poll["grades"] ** options)
    if kind == "lists":
        of_lists = [poll["list_of"].count(each) for each in range(poll["lists"])]
        return blank + len(of_lists) + sum(comb(size, chosen) for size in of_lists for chosen in sizes if chosen)
    return blank + int((poll["longest"] + 1) * 256 ** poll["longest"])


def _number(poll: Mapping[str, Any], choice: Mapping[str, Any]) -> int:
    """Return the number of a choice, by the page's second table."""
    if choice.get("blank"):
        return 0
    blank, kind, options = int(poll["blank"]), poll["kind"], poll.get("options", 0)
    if kind == "yes-no":
        return blank + (0 if choice["yes"] else 1)
    if kind == "choose":
        return blank + _of_set(choice["options"], options, poll["least"])
    if kind == "rank":
        left, number = list(range(options)), 0
        for option in choice["order"]:
            number = number * len(left) + left.index(option)
            left.remove(option)
        return blank + sum(perm(options, size) for size in range(poll["least"], len(choice["order"]))) + number
    if kind in ("score", "grade"):
        base = poll["highest"] + 1 if kind == "score" else poll["grades"]
        values = choice["values"]
        return blank + sum(value * base ** (len(values) - 1 - at) for at, value in enumerate(values))
    if kind == "write-in":
        text = choice["text"].encode()
        written = len(text).to_bytes(2, "big") + text + bytes(poll["longest"] - len(text))
        return blank + int.from_bytes(written, "big")
    if not choice["options"]:
        return blank + int(choice["list"])
    members = [[at for at, of in enumerate(poll["list_of"]) if of == each] for each in range(poll["lists"])]
    sizes = range(max(1, poll["least"]), poll["most"] + 1)
    before = sum(comb(len(each), size) for each in members[: choice["list"]] for size in sizes)
    inside = [members[choice["list"]].index(option) for option in choice["options"]]
    return blank + poll["lists"] + before + _of_set(inside, len(members[choice["list"]]), max(1, poll["least"]))


def _of_set(chosen: Sequence[int], options: int, least: int) -> int:
    within = sum(comb(member, place) for place, member in enumerate(sorted(chosen), start=1))
    return within + sum(comb(options, size) for size in range(least, len(chosen)))


def _embedded(data: bytes) -> bytes:
    """Return the first element that holds data: bytes 1 to 30, and a counter around them."""

    def candidates() -> Iterator[bytes]:
        for high in range(128):
            for low in range(0, 256, 2):
                yield bytes([low]) + data + bytes([high])

    return next(each for each in candidates() if any(each) and rbcl.crypto_core_ristretto255_is_valid_point(each))


@pytest.mark.parametrize("vector", VECTORS["numbers"], ids=lambda vector: f"{vector['poll']['kind']}")
def test_numbers_and_elements_are_those_of_the_page(vector: Mapping[str, Any]) -> None:
    poll = vector["poll"]
    assert str(_count(poll)) == vector["count"]
    number = _number(poll, vector["choice"])
    assert str(number) == vector["number"]
    data = number.to_bytes(30 * _width(poll), "big")
    assert b"".join(_embedded(part) for part in _parts(data, 30)).hex() == vector["elements"]


def test_the_order_of_small_polls_is_that_of_the_words() -> None:
    """Sets from the smaller ones up, those of one size by their highest options; rankings by what comes first."""
    poll = {"kind": "choose", "blank": False, "options": 5, "least": 1, "most": 3}
    sets = [each for size in (1, 2, 3) for each in sorted(combinations(range(5), size), key=lambda each: each[::-1])]
    assert [_number(poll, {"options": each}) for each in sets] == list(range(_count(poll)))
    poll = {"kind": "rank", "blank": False, "options": 4, "least": 1, "most": 3}
    rankings = [each for size in (1, 2, 3) for each in permutations(range(4), size)]
    assert [_number(poll, {"order": each}) for each in rankings] == list(range(_count(poll)))


@pytest.mark.parametrize("vector", VECTORS["ballots"], ids=lambda vector: vector["tracking_code"])
def test_ballots_are_those_of_the_page(vector: Mapping[str, Any]) -> None:
    polls = [_sizes(poll) for poll in RECORD["polls"]]
    read = _Read(bytes.fromhex(vector["ballot"]), sum(map(_width, polls)))
    assert read.fingerprint.hex() == VECTORS["fingerprint"]
    assert read.counter == vector["counter"]
    assert read.credential == _base(_scalar(bytes.fromhex(vector["secret"])))
    assert read.proof_holds()
    halves, randomness = _parts(read.rows), _parts(bytes.fromhex(vector["randomness"]))
    key, secret = bytes.fromhex(RECORD["key_commitments"][0]), _scalar(bytes.fromhex(VECTORS["secret_key"]))
    assert halves[::2] == [_base(_scalar(r)) for r in randomness]
    messages = [_sub(b, _times(_scalar(r), key)) for b, r in zip(halves[1::2], randomness, strict=True)]
    assert messages == [_sub(b, _times(secret, a)) for a, b in zip(halves[::2], halves[1::2], strict=True)]
    numbers = (
        _number(poll, choice).to_bytes(30 * _width(poll), "big")
        for poll, choice in zip(polls, vector["choices"], strict=True)
    )
    assert messages == [_embedded(part) for number in numbers for part in _parts(number, 30)]


@pytest.mark.parametrize("vector", VECTORS["ballots"], ids=lambda vector: vector["tracking_code"])
def test_credentials_and_tracking_codes_are_those_of_the_page(vector: Mapping[str, Any]) -> None:
    data = bytes.fromhex(vector["ballot"])
    read = _Read(data, sum(_width(_sizes(poll)) for poll in RECORD["polls"]))
    node = hashlib.sha256(b"\0" + read.credential).digest()
    place, last = read.index, RECORD["voters"] - 1
    for each in read.path:
        if place % 2 or place == last:
            node = hashlib.sha256(b"\1" + each + node).digest()
            while place and place % 2 == 0:
                place, last = place // 2, last // 2
        else:
            node = hashlib.sha256(b"\1" + node + each).digest()
        place, last = place // 2, last // 2
    assert node.hex() == RECORD["credential_root"]
    bits = f"{int.from_bytes(hashlib.sha256(data).digest(), 'big'):0256b}"[:100]
    letters = "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[int(bits[at : at + 5], 2)] for at in range(0, 100, 5))
    assert "-".join(_parts_of(letters)) == vector["tracking_code"]


def _parts_of(letters: str) -> list[str]:
    return [letters[at : at + 5] for at in range(0, len(letters), 5)]


@pytest.mark.parametrize("engine", engine_names())
def test_this_code_accepts_and_refuses_the_same(engine: str) -> None:
    form = form_of(decode_draft(VECTORS["record"].encode()), ristretto255(engine))
    check = BallotCheck(form, is_listed=lambda credential: False)
    good = [bytes.fromhex(vector["ballot"]) for vector in VECTORS["ballots"]]
    assert [check.check(ballot).encoding for ballot in good] == good
    refused = {vector["what"]: bytes.fromhex(vector["ballot"]) for vector in VECTORS["refused"]}
    found = check.check_many([*good, *refused.values()])
    assert [isinstance(each, BallotError) for each in found] == [False] * len(good) + [True] * len(refused)
