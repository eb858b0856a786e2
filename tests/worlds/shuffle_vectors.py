"""Known answers for other verifiers and provers: `python -m tests.worlds.shuffle_vectors` writes them anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from loopixmix.group.group import Scalars
from loopixmix.group.ristretto import ristretto255
from tests.worlds.shuffles import FINGERPRINT, a_list
from votes.record.transcript import column_digest
from votes.shuffle.chunks import Chunk, Unwatched, chunks
from votes.shuffle.draws import Draws
from votes.shuffle.generators import DerivedGenerators
from votes.shuffle.preparation import ChunkPreparing
from votes.shuffle.proof import split_proof
from votes.shuffle.proving import NoParts, Prover
from votes.shuffle.statement import ColumnDigests, ShuffleStatement, first_seed, list_digests, second_challenge

PATH = Path("tests/vectors/votes-shuffle.json")
CASES = ((3, 1, 11), (4, 2, 12), (1, 1, 13), (0, 1, 14))
"""Rows, width, and a seed for everything that is drawn."""
SOURCE = "made by tests/worlds/shuffle_vectors.py; docs/protocol/votes.md, section 6, says what the letters mean"
DRAWN = ("r", "s", "x", "z", "eps", "alpha", "gamma", "delta", "phi")


def vectors() -> dict[str, Any]:
    """Return all cases as they stand in the file."""
    valid = [case(*numbers) for numbers in CASES]
    return {"source": SOURCE, "valid": valid, "invalid": [wrong(valid[0], *each) for each in changes(valid[0])]}


def case(size: int, width: int, seed: int) -> dict[str, Any]:
    """Return one shuffle with all that went into it."""
    group = ristretto255()
    statement, _, before = a_list(group, size, width, seed)
    generators = DerivedGenerators(group, FINGERPRINT, size)
    draws = Draws(group, bytes([seed] * 32), width)
    preparing = ChunkPreparing(statement.public_key, generators, draws, chunks(size))
    prover = Prover(statement, draws, preparing, chunk_rows=max(1, size), parts=NoParts(), progress=Unwatched())
    shuffled = prover.prove(before)
    return {
        "group": group.name,
        "fingerprint": FINGERPRINT.hex(),
        "poll": statement.poll,
        "mixer": statement.mixer,
        "rows": size,
        "width": width,
        "public_key": statement.public_key.encode().hex(),
        "generators": bytes(generators.encodings(0, size)).hex(),
        "permutation": [*draws.permutation(size)],
        "draws": drawn(draws, size),
        "input": before.hex(),
        "output": shuffled.output.hex(),
        "proof": shuffled.proof.hex(),
        **(challenges(statement, before, shuffled.output, shuffled.proof, generators) if size else {}),
    }


def drawn(draws: Draws, size: int) -> dict[str, str]:
    """Return all random values, encoded; `s` is column by column."""
    rows, sums = Chunk(0, 0, size), draws.sums()
    columns: tuple[Scalars, ...] = (
        draws.commitments(rows),
        draws.group.join_scalars(draws.reencryption(rows)),
        draws.chain(rows),
        draws.chain_masks(rows),
        draws.order_masks(rows),
        *(sums.alpha, sums.gamma, sums.delta, sums.phi),
    )
    return {name: column.encode().hex() for name, column in zip(DRAWN, columns, strict=True)}


def challenges(
    statement: ShuffleStatement,
    before: bytes,
    after: bytes | bytearray,
    proof: bytes | bytearray,
    generators: DerivedGenerators,
) -> dict[str, str]:
    """Return the seed of `e`, and `v`."""
    group, parts = statement.group, split_proof(statement, proof)
    digests = ColumnDigests(
        column_digest(generators.encodings(0, statement.size)),
        column_digest(parts.commitments),
        list_digests(statement, before),
        list_digests(statement, after),
    )
    seed = first_seed(statement, digests)
    masks = group.elements(parts.masks)
    challenge = second_challenge(group, seed, column_digest(parts.chain), column_digest(parts.chain_masks), masks)
    return {"seed": seed.hex(), "v": challenge.encode().hex()}


def changes(valid: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """Return what is wrong with each invalid case: in words, which field, and its content."""
    size, proof = valid["rows"], valid["proof"]
    order = ristretto255().order
    last = proof[-64:]
    respelled = (int.from_bytes(bytes.fromhex(last), "little") + order).to_bytes(32, "little").hex()
    swapped = valid["output"][64:128] + valid["output"][:64] + valid["output"][128:]
    return [
        ("another poll", "poll", valid["poll"] + 1),
        ("another mixer", "mixer", valid["mixer"] + 1),
        ("another election", "fingerprint", FINGERPRINT[::-1].hex()),
        ("another key", "public_key", ristretto255().generator.encode().hex()),
        ("the input as the output", "output", valid["input"]),
        ("half of two rows swapped", "output", swapped),
        ("the output one row longer", "output", valid["output"] + valid["output"][:128]),
        ("the output one row shorter", "output", valid["output"][: 128 * (size - 1)]),
        ("a byte more", "proof", proof + "00"),
        ("a byte less", "proof", proof[:-2]),
        ("another version", "proof", "02" + proof[2:]),
        ("a header with one row less", "proof", proof[:2] + f"{size - 1:08x}" + proof[10:]),
        ("a header with another width", "proof", proof[:10] + "0002" + proof[14:]),
        ("the last reply plus the order of the group", "proof", proof[:-64] + respelled),
        ("the last reply is 0", "proof", proof[:-64] + "00" * 32),
        ("the first commitment is the neutral element", "proof", proof[:14] + "00" * 32 + proof[78:]),
        ("the first commitment is no element", "proof", proof[:14] + "ff" * 32 + proof[78:]),
        ("the first two commitments swapped", "proof", proof[:14] + proof[78:142] + proof[14:78] + proof[142:]),
    ]


def wrong(valid: dict[str, Any], why: str, name: str, content: Any) -> dict[str, Any]:
    """Return an invalid case. It has the generators of its own election, and nothing that was drawn."""
    fields = {key: value for key, value in valid.items() if key not in ("permutation", "draws", "seed", "v")}
    fields[name] = content
    if name == "fingerprint":
        derived = DerivedGenerators(ristretto255(), bytes.fromhex(content), valid["rows"])
        fields["generators"] = bytes(derived.encodings(0, valid["rows"])).hex()
    return {"why": why, **fields}


if __name__ == "__main__":
    PATH.write_text(json.dumps(vectors(), indent=1) + "\n")
