"""Decryption by a threshold of trustees, with proofs (docs/protocol/votes.md, 5.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from loopixmix.errors import MisuseError, PeerError
from loopixmix.group.group import Buffer, Elements, Group, Scalars
from loopixmix.seams import Rng
from votes.ballot.ciphertexts import Ciphertexts
from votes.record.transcript import Transcript, coefficients, column_digest
from votes.trustees.generation import JointKey, KeyShare
from votes.trustees.polynomial import lagrange_at_zero

CHUNK_ROWS = 1 << 16
"""Rows that are multiplied at a time: progress is told, and Ctrl-C heard, between two chunks."""

Advance = Callable[[int], object]
"""Is told how many multiplications are done."""


class DecryptionError(PeerError):
    """A trustee's share of a decryption is wrong. `number` tells whose, from 1."""

    def __init__(self, number: int, problem: str) -> None:
        super().__init__(f"trustee {number}: {problem}")
        self.number = number


@dataclass(frozen=True)
class DecryptionStatement:
    """Which list is decrypted: the output of the last mixer of a poll."""

    group: Group
    fingerprint: bytes
    """Of the election, 32 bytes."""
    poll: int
    """The poll's index in the record."""
    ciphertexts: Ciphertexts
    key: JointKey


@dataclass(frozen=True)
class PartialDecryption:
    """What one trustee gives: `S_j = x A_j` for each column, and the proof that `x` is its share of the key."""

    number: int
    columns: tuple[Elements, ...]
    commitments: Elements
    """`T_1` and `T_2`."""
    reply: Scalars

    def encode(self) -> bytes:
        """Return `S_1 S_2 .. T_1 T_2 s`."""
        columns = b"".join(column.encode() for column in self.columns)
        return columns + self.commitments.encode() + self.reply.encode()


def decode_partial(statement: DecryptionStatement, number: int, encoded: Buffer) -> PartialDecryption:
    """Read what trustee `number` gave. Its sizes follow from the statement, never from the bytes.

    Raises `DecryptionError` if it has another length or holds what is no element or scalar.
    """
    group, view = statement.group, memoryview(encoded)
    rows, width = len(statement.ciphertexts), statement.ciphertexts.width
    column = rows * group.element_bytes
    expected = width * column + 2 * group.element_bytes + group.scalar_bytes
    if len(view) != expected:
        raise DecryptionError(number, f"{len(view)} bytes instead of {expected} for {rows} rows of {width}")
    try:
        columns = tuple(group.elements(view[place * column : (place + 1) * column]) for place in range(width))
        commitments = group.elements(view[width * column : -group.scalar_bytes])
        return PartialDecryption(number, columns, commitments, group.scalars(view[-group.scalar_bytes :]))
    except PeerError as error:
        raise DecryptionError(number, str(error)) from error


def decrypt_partially(
    statement: DecryptionStatement, share: KeyShare, rng: Rng, advance: Advance = lambda _: None
) -> PartialDecryption:
    """Return trustee's part of the decryption. Call it only for a list that was verified and written down.

    Whoever decrypts what anybody hands in, decrypts single ballots for them. The multiplications take a time that does
    not depend on the share. Raises `MisuseError` if the share is none of this key's.
    """
    group = statement.group
    if group.generator.times(share.secret) != statement.key.public_share(share.number):
        raise MisuseError(f"this is not the share of trustee {share.number} of the election's key")
    rows = len(statement.ciphertexts)
    columns = tuple(
        _multiplied(group, pair.a, share.secret, place * rows, advance)
        for place, pair in enumerate(statement.ciphertexts.pairs)
    )
    seed, base, image = _combined(statement, share.number, columns)
    nonce = group.random_scalars(rng, 1)
    commitments = group.join([group.generator.times(nonce), base.times(nonce)])
    reply = nonce + _challenge(group, seed, base, image, commitments) * share.secret
    return PartialDecryption(share.number, columns, commitments, reply)


def check_partial(statement: DecryptionStatement, partial: PartialDecryption) -> None:
    """Check a trustee's part; raise `DecryptionError` if it is wrong.

    Chaum and Pedersen 1992, for a random combination of all rows: if one is wrong, the combination is, but for a
    probability of 2^-128 (Bellare, Garay, Rabin 1998, small exponents test).
    """
    group = statement.group
    if [len(column) for column in partial.columns] != [len(statement.ciphertexts)] * statement.ciphertexts.width:
        raise DecryptionError(partial.number, "its share has not as many rows and columns as the list")
    seed, base, image = _combined(statement, partial.number, partial.columns)
    challenge = _challenge(group, seed, base, image, partial.commitments)
    public = group.join([statement.key.public_share(partial.number), image])
    left = group.join([group.generator, base]).times_public(partial.reply)
    if left != partial.commitments + public.times_public(challenge):
        raise DecryptionError(partial.number, "its share is not the decryption of this list by its key")


def combine(statement: DecryptionStatement, partials: Mapping[int, PartialDecryption]) -> tuple[Elements, ...]:
    """Return the plaintext columns from the checked parts of `threshold` trustees; of more, those with lowest numbers.

    Raises `MisuseError` if they are too few.
    """
    threshold = statement.key.threshold
    if len(partials) < threshold:
        raise MisuseError(f"{len(partials)} of the {threshold} trustees that are needed have decrypted")
    numbers = sorted(partials)[:threshold]
    weights, divisor = lagrange_at_zero(numbers)
    plaintexts = []
    for place, pair in enumerate(statement.ciphertexts.pairs):
        shares = [partials[number].columns[place] for number in numbers]
        plaintexts.append(pair.b - _weighted_sum(statement.group, weights, divisor, shares))
    return tuple(plaintexts)


def _weighted_sum(group: Group, weights: Sequence[int], divisor: int, columns: Sequence[Elements]) -> Elements:
    total = group.identity
    for weight, column in zip(weights, columns, strict=True):
        part = column if abs(weight) == 1 else column.times_public(group.scalars_of([abs(weight)]))
        total = total + part if weight > 0 else total - part
    return total if divisor == 1 else total.times_public(group.scalars_of([divisor]).invert())


def _multiplied(group: Group, column: Elements, secret: Scalars, before: int, advance: Advance) -> Elements:
    parts = []
    for first in range(0, len(column), CHUNK_ROWS):
        parts.append(column[first : first + CHUNK_ROWS].times(secret))
        advance(before + first + len(parts[-1]))
    return group.join(parts)


def _combined(
    statement: DecryptionStatement, number: int, columns: tuple[Elements, ...]
) -> tuple[bytes, Elements, Elements]:
    """Return the seed, and the random combinations of what is decrypted and of the shares."""
    group, ciphertexts = statement.group, statement.ciphertexts
    rows = len(ciphertexts)
    seed = Transcript("decryption", *_statement_items(statement, number, columns)).seed()
    weights = coefficients(group, seed, rows * ciphertexts.width)
    base = image = group.identity
    for place, pair in enumerate(ciphertexts.pairs):
        part = weights[place * rows : (place + 1) * rows]
        base = base + group.multi_scalar(part, pair.a)
        image = image + group.multi_scalar(part, columns[place])
    return seed, base, image


def _statement_items(
    statement: DecryptionStatement, number: int, columns: tuple[Elements, ...]
) -> Iterator[bytes | int | str]:
    yield from (statement.fingerprint, statement.group.name, statement.poll, number)
    yield from (statement.ciphertexts.width, len(statement.ciphertexts))
    yield from (column_digest(pair.a) for pair in statement.ciphertexts.pairs)
    yield from (column_digest(column) for column in columns)
    yield statement.key.public_share(number).encode()


def _challenge(group: Group, seed: bytes, base: Elements, image: Elements, commitments: Elements) -> Scalars:
    return Transcript("decryption-proof", seed, base.encode(), image.encode(), commitments.encode()).challenge(group)


def checked_partials(
    statement: DecryptionStatement, encoded: Mapping[int, Buffer]
) -> tuple[dict[int, PartialDecryption], dict[int, DecryptionError]]:
    """Read and check the parts of several trustees, and tell who gave a wrong one: it stops nobody else's."""
    good: dict[int, PartialDecryption] = {}
    bad: dict[int, DecryptionError] = {}
    for number in sorted(encoded):
        try:
            partial = decode_partial(statement, number, encoded[number])
            check_partial(statement, partial)
        except DecryptionError as error:
            bad[number] = error
        else:
            good[number] = partial
    return good, bad
