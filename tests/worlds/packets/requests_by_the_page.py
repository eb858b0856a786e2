"""Requests once more, from docs/protocol/mailbox.md, section 6, alone: without `loopixmix`, without its coder."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

PAYLOAD_BYTES = 2048
SURB_BYTES = 370
POLYNOMIAL = 0b1_0001_1101


def sha256(*pieces: bytes) -> bytes:
    return hashlib.sha256(b"".join(pieces)).digest()


def service_id(name: str) -> bytes:
    return sha256(b"loopixmix/service/v1:", name.encode())


class Reader:
    """Takes fields off a payload."""

    def __init__(self, payload: bytes) -> None:
        self.rest = payload

    def take(self, count: int) -> bytes:
        assert len(self.rest) >= count
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")


@dataclass
class Part:
    """The fields of a part, in the order of the page."""

    report: bool
    request_id: bytes
    digest: bytes
    last_epoch: int
    content_length: int
    share_length: int
    coding: int
    again: int
    blocks_end: int
    index: int
    share: bytes
    blocks: list[bytes]


def read_part(payload: bytes) -> Part:
    reader = Reader(payload)
    assert reader.number(1) == 2
    flags = reader.number(1)
    assert flags in (0, 1)
    request_id, digest = reader.take(16), reader.take(16)
    last_epoch, content_length, share_length = reader.number(8), reader.number(4), reader.number(2)
    coding, again, blocks_end = reader.number(1), reader.number(2), reader.number(1)
    index, count = reader.number(1), reader.number(1)
    share = b"" if index == 255 else reader.take(share_length)
    blocks = [reader.take(SURB_BYTES) for _ in range(count)]
    assert reader.rest == b""
    assert share_length == share_length_of(content_length, PAYLOAD_BYTES - 54)
    return Part(
        *(flags == 1, request_id, digest, last_epoch, content_length, share_length),
        *(coding, again, last_epoch - blocks_end, index, share, blocks),
    )


@dataclass
class Done:
    """A share of an answer."""

    answer_length: int
    sent: int
    held: int
    index: int
    share: bytes


def read_answer(payload: bytes) -> Done | str | list[int]:
    """Return what an answer says; of a missing one the shares that came."""
    reader = Reader(payload)
    assert reader.number(1) == 2
    match reader.number(1):
        case 0:
            return Done(reader.number(4), reader.number(2), reader.number(2), reader.number(1), reader.rest)
        case 1 | 2 as status:
            assert reader.rest == b""
            return ("failed", "over")[status - 1]
        case 3:
            bits = "".join(f"{byte:08b}" for byte in reader.take(32))
            assert reader.rest == b""
            assert bits[255] == "0"
            return [index for index, bit in enumerate(bits) if bit == "1"]
        case _:
            raise AssertionError("no answer has this status")


def count_of(length: int, room: int) -> int:
    return max(1, -(-length // room))


def share_length_of(length: int, room: int) -> int:
    return -(-length // count_of(length, room))


def content_of(parts: Sequence[Part]) -> bytes:
    """Put a content together and check its digest."""
    first = parts[0]
    content = join({part.index: part.share for part in parts}, first.content_length, first.share_length)
    assert sha256(b"loopixmix/request/content/v2:", first.request_id, content)[:16] == first.digest
    return content


def join(shares: Mapping[int, bytes], length: int, share_length: int) -> bytes:
    """Solve for the pieces: each share is one row of the coding matrix, times them."""
    k = 1 if share_length == 0 else count_of(length, share_length)
    if k == 1:
        return next(iter(shares.values()))[:length]
    chosen = sorted(shares)[:k]
    assert len(chosen) == k
    inverse = inverted([coding_row(index, k) for index in chosen])
    pieces = [combined(row, [shares[index] for index in chosen]) for row in inverse]
    joined = b"".join(pieces)
    assert not any(joined[length:])
    return joined[:length]


def coding_row(index: int, k: int) -> list[int]:
    return product([vandermonde_row(index, k)], inverse_of_top(k))[0]


@functools.cache
def inverse_of_top(k: int) -> list[list[int]]:
    return inverted([vandermonde_row(row, k) for row in range(k)])


def vandermonde_row(index: int, k: int) -> list[int]:
    if index == 0:
        return [1] + [0] * (k - 1)
    base = power(2, index - 1)
    return [power(base, column) for column in range(k)]


def combined(row: Sequence[int], shares: Sequence[bytes]) -> bytes:
    total = 0
    for factor, share in zip(row, shares, strict=True):
        total ^= int.from_bytes(share.translate(bytes(multiplied(factor, byte) for byte in range(256))), "big")
    return total.to_bytes(len(shares[0]), "big")


def multiplied(a: int, b: int) -> int:
    result = 0
    while b:
        if b & 1:
            result ^= a
        a <<= 1
        if a & 256:
            a ^= POLYNOMIAL
        b >>= 1
    return result


def power(a: int, exponent: int) -> int:
    result = 1
    for _ in range(exponent % 255):
        result = multiplied(result, a)
    return result


def product(left: Sequence[Sequence[int]], right: Sequence[Sequence[int]]) -> list[list[int]]:
    rows = []
    for row in left:
        sums = [0] * len(right[0])
        for factor, line in zip(row, right, strict=True):
            sums = [total ^ multiplied(factor, value) for total, value in zip(sums, line, strict=True)]
        rows.append(sums)
    return rows


def inverted(matrix: Sequence[Sequence[int]]) -> list[list[int]]:
    """Gauss and Jordan."""
    size = len(matrix)
    rows = [list(row) + [int(column == number) for column in range(size)] for number, row in enumerate(matrix)]
    for column in range(size):
        pivot = next(row for row in range(column, size) if rows[row][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        factor = power(rows[column][column], 254)
        rows[column] = [multiplied(factor, value) for value in rows[column]]
        for row in range(size):
            if row != column and rows[row][column]:
                factor = rows[row][column]
                rows[row] = [
                    value ^ multiplied(factor, taken) for value, taken in zip(rows[row], rows[column], strict=True)
                ]
    return [row[size:] for row in rows]


def kept_name(service: str, request_id: bytes, digest: bytes) -> bytes:
    return sha256(b"loopixmix/request/kept/v2:", service_id(service), request_id, digest)


def open_kept(service: str, request_id: bytes, digest: bytes, sealed: bytes) -> bytes | None:
    """Open an answer as it lies on a provider's disk; None for a failure."""
    key = sha256(b"loopixmix/request/seal/v2:", service_id(service), request_id, digest)
    plain = ChaCha20Poly1305(key).decrypt(bytes(12), sealed, None)
    assert plain[0] in (0, 1)
    return plain[1:] if plain[0] == 0 else None
