"""A second verifier, written from docs/protocol/votes.md alone, with hashlib and bare libsodium, and known answers.

It shares no code with `votes/`. What it accepts and refuses, and the challenges that it finds, are the same.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest
import rbcl

from loopixmix.group.ristretto import ristretto255
from tests.worlds.shuffle_vectors import PATH, vectors
from votes.shuffle.generators import DerivedGenerators
from votes.shuffle.statement import ShuffleError, ShuffleStatement
from votes.shuffle.verifying import verify_shuffle

FILE: dict[str, Any] = json.loads(Path(PATH).read_text())
VALID = [pytest.param(case, id=f"{case['rows']} rows of {case['width']}") for case in FILE["valid"]]
INVALID = [pytest.param(case, id=case["why"]) for case in FILE["invalid"]]

Q = 2**252 + 27742317777372353535851937790883648493
NEUTRAL = bytes(32)
G = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")


class RefusedError(Exception):
    """The second verifier refuses."""


def need(holds: bool) -> None:
    if not holds:
        raise RefusedError


def times(number: int, point: bytes) -> bytes:
    number %= Q
    if not number or point == NEUTRAL:
        return NEUTRAL
    return bytes(rbcl.crypto_scalarmult_ristretto255(number.to_bytes(32, "little"), point))


def total(*points: bytes) -> bytes:
    result = NEUTRAL
    for point in points:
        result = bytes(rbcl.crypto_core_ristretto255_add(result, point))
    return result


def minus(point: bytes) -> bytes:
    return bytes(rbcl.crypto_core_ristretto255_sub(NEUTRAL, point))


def products(numbers: list[int], points: list[bytes]) -> bytes:
    return total(*(times(number, point) for number, point in zip(numbers, points, strict=True)))


def transcript(name: str, *items: bytes | int | str) -> Any:
    named = b"loopixmix-votes-1/" + name.encode()
    hashed = hashlib.shake_256(struct.pack(">Q", len(named)) + named)
    for item in items:
        content = struct.pack(">Q", item) if isinstance(item, int) else item.encode() if isinstance(item, str) else item
        hashed.update(struct.pack(">Q", len(content)) + content)
    return hashed


def digest(column: list[bytes]) -> bytes:
    return hashlib.sha512(b"".join(column)).digest()


def cut(data: bytes, count: int) -> tuple[list[bytes], bytes]:
    return [data[32 * i : 32 * i + 32] for i in range(count)], data[32 * count :]


def generator(fingerprint: bytes, number: int) -> bytes:
    """RFC 9380, 5.3.1, expand_message_xmd with SHA-512 to 64 bytes, and the map of RFC 9496, 4.3.4."""
    domain = b"loopixmix-votes-1/generators"
    suffix = domain + bytes([len(domain)])
    message = fingerprint + struct.pack(">Q", number)
    b_0 = hashlib.sha512(bytes(128) + message + struct.pack(">H", 64) + b"\0" + suffix).digest()
    b_1 = hashlib.sha512(b_0 + b"\1" + suffix).digest()
    return bytes(rbcl.crypto_core_ristretto255_from_hash(b_1))


def verify(case: dict[str, Any]) -> tuple[str, str] | None:
    """Return the seed of `e`, and `v`, both in hexadecimal; none of no rows."""
    n, w, fingerprint, y = case["rows"], case["width"], *(bytes.fromhex(case[k]) for k in ("fingerprint", "public_key"))
    before, after, proof = (bytes.fromhex(case[name]) for name in ("input", "output", "proof"))
    need(len(before) == len(after) == 64 * n * w)
    if n == 0:
        need(proof == b"")
        return None
    need(len(proof) == 7 + 32 * (5 * n + 6 + 3 * w))
    need(proof[:7] == struct.pack(">BIH", 1, n, w))
    u, rest = cut(proof[7:], n)
    p, rest = cut(rest, n)
    p_masks, rest = cut(rest, n)
    kb_bytes, rest = cut(rest, n)
    ke_bytes, rest = cut(rest, n)
    f, rest = cut(rest, 3 + 2 * w)
    k_bytes, rest = cut(rest, 3 + w)
    lists = [[cut(rows[32 * n * j :], n)[0] for j in range(2 * w)] for rows in (before, after)]
    for point in (*u, *p, *p_masks, *f, *(point for rows in lists for column in rows for point in column)):
        need(bool(rbcl.crypto_core_ristretto255_is_valid_point(point)))
    kb, ke, k = ([int.from_bytes(x, "little") for x in column] for column in (kb_bytes, ke_bytes, k_bytes))
    need(all(number < Q for number in (*kb, *ke, *k)))
    h = [generator(fingerprint, i) for i in range(n)]
    need(b"".join(h).hex() == case["generators"])

    digests = [digest(column) for column in (h, u, *lists[0], *lists[1])]
    whose = (fingerprint, case["group"], case["poll"], case["mixer"], n, w, y)
    seed = transcript("shuffle", *whose, *digests).digest(32)
    e_bytes = hashlib.shake_256(seed).digest(16 * n)
    e = [int.from_bytes(e_bytes[16 * i : 16 * i + 16], "little") for i in range(n)]
    v = int.from_bytes(transcript("shuffle-proof", seed, digest(p), digest(p_masks), *f).digest(64), "little") % Q

    product = 1
    for number in e:
        product = product * number % Q
    need(total(times(v, products(e, u)), f[0]) == total(times(k[0], G), products(ke, h)))
    for i in range(n):
        previous = p[i - 1] if i else h[0]
        need(total(times(v, p[i]), p_masks[i]) == total(times(kb[i], G), times(ke[i], previous)))
    need(total(times(v, total(*u, *map(minus, h))), f[1]) == times(k[1], G))
    need(total(times(v, total(p[-1], minus(times(product, h[0])))), f[2]) == times(k[2], G))
    for j in range(2 * w):
        base = (G, y)[j % 2]
        left = total(times(v, products(e, lists[0][j])), f[3 + j])
        need(left == total(minus(times(k[3 + j // 2], base)), products(ke, lists[1][j])))
    return seed.hex(), v.to_bytes(32, "little").hex()


def verify_ours(case: dict[str, Any]) -> None:
    group = ristretto255()
    fingerprint = bytes.fromhex(case["fingerprint"])
    public_key = group.elements(bytes.fromhex(case["public_key"]))
    numbers = (case["poll"], case["mixer"], public_key, case["width"], case["rows"])
    statement = ShuffleStatement(group, fingerprint, *numbers)
    before, after, proof = (bytes.fromhex(case[name]) for name in ("input", "output", "proof"))
    verify_shuffle(statement, before, after, proof, DerivedGenerators(group, fingerprint, case["rows"]))


@pytest.mark.parametrize("case", VALID)
def test_both_verifiers_accept_what_is_right(case: dict[str, Any]) -> None:
    verify_ours(case)
    assert verify(case) == ((case["seed"], case["v"]) if case["rows"] else None)


@pytest.mark.parametrize("case", INVALID)
def test_both_verifiers_refuse_what_is_wrong(case: dict[str, Any]) -> None:
    with pytest.raises(ShuffleError):
        verify_ours(case)
    with pytest.raises(RefusedError):
        verify(case)


@pytest.mark.parametrize("case", VALID)
def test_the_output_is_what_the_draws_say(case: dict[str, Any]) -> None:
    n, w = case["rows"], case["width"]
    before, after = bytes.fromhex(case["input"]), bytes.fromhex(case["output"])
    s = bytes.fromhex(case["draws"]["s"])
    for j in range(2 * w):
        base = (G, bytes.fromhex(case["public_key"]))[j % 2]
        old, new = (cut(rows[32 * n * j :], n)[0] for rows in (before, after))
        for i, origin in enumerate(case["permutation"]):
            number = int.from_bytes(s[32 * (n * (j // 2) + i) :][:32], "little")
            assert new[i] == total(old[origin], times(number, base))


def test_the_file_is_what_its_maker_makes() -> None:
    assert vectors() == FILE
