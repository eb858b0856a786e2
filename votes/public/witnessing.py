"""A published log compared with the heads that others saw, as a witness tells them (docs/protocol/votes.md, 7.5)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from client.api import Client
from loopixmix.group.group import Group
from loopixmix.process.files import PUBLIC_FILE, write_atomically
from votes.public.calls import PublicBoard
from votes.public.fetching import Say, fetch
from votes.record.heads import ForkedBoardError, SignedHead, decode_head
from votes.record.merkle import MerkleEdge
from votes.verify.log import split_entries
from votes.verify.opened import OpenedRecord
from votes.verify.published import ENTRIES, HEAD
from votes.witness.requests import ShownHead, decode_heads

TIMEOUT_S = 600.0


async def compare_with_witness(
    client: Client, witness: str, board: PublicBoard, directory: Path, opened: OpenedRecord, group: Group, say: Say
) -> None:
    """Show a witness the head in `directory`, and compare those that it knows with the entries that are there.

    `witness`: a service of the network, such as `witness@provider-1`, asked anonymously through `client`. `opened`,
    `group`: of the election in `directory`. If the witness knows a longer log, what is new is loaded: the board has to
    have it.
    Raises `ForkedBoardError` if the board signed another log; the head that proves it is put into `directory`.
    """
    identity = bytes(opened.election.board.identity)
    ours = decode_head((directory / HEAD).read_bytes(), identity)
    answer = await client.request(witness, ShownHead(identity, ours).encode(), timeout_s=TIMEOUT_S)
    heads = decode_heads(answer, identity, opened.fingerprint)
    if any(each.head.size > ours.head.size for each in heads):
        await fetch(board, directory, group, say)
    wrong = another_log((directory / ENTRIES).read_bytes(), heads)
    if wrong is not None:
        evidence = directory / f"head-of-another-log-{wrong.head.size}"
        write_atomically(evidence, wrong.encode(), mode=PUBLIC_FILE)
        raise ForkedBoardError(
            f"{witness} knows a log of {wrong.head.size} entries that the board signed, and that is not the log which "
            f"it publishes: {evidence} proves it"
        )
    states = "one state" if len(heads) == 1 else f"{len(heads)} states"
    say(f"{witness} knows {states} of the board's log, all of the one that is published")


def another_log(entries: bytes, heads: Sequence[SignedHead]) -> SignedHead | None:
    """Return the first of these heads that is none of this log; None if all are. `entries`: one after another."""
    root, leaves = MerkleEdge(), split_entries(entries)
    for signed in sorted(heads, key=lambda each: each.head.size):
        while len(root) < signed.head.size:
            entry = next(leaves, None)
            if entry is None:
                return signed
            root.append(entry)
        if root.root() != signed.head.root:
            return signed
    return None
