"""A published election loaded into a folder, so that it can be verified without the board."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from loopixmix.errors import PeerError
from loopixmix.group.group import Group
from loopixmix.process.files import PUBLIC_FILE, make_directory, write_atomically
from votes.public.calls import PublicBoard
from votes.record.fingerprint import shown
from votes.verify.log import ElectionLog, LogReader, split_entries
from votes.verify.opened import OpenedRecord, opened_record
from votes.verify.published import CREDENTIALS, ENTRIES, HEAD, RECORD, RESULT, mix_files, shares_file

Say = Callable[[str], object]


class WrongFileError(PeerError):
    """A file that the board gave is not the one that was announced."""


async def fetch(board: PublicBoard, directory: Path, group: Group, say: Say) -> OpenedRecord:
    """Load everything that is published so far into `directory`; what is there already is not loaded again.

    Files are compared with their announcements as they come. All else is the verifier's work.
    Raises `BoardAwayError`, `BoardSaysNoError`, and `PeerError` for a record or a log that cannot be read.
    """
    make_directory(directory)
    record = await board.get("/v1/record")
    opened = opened_record(record, group)
    _keep(directory, RECORD, record)
    say(f"{opened.election.title}: {shown(opened.fingerprint)}")
    if not (directory / CREDENTIALS).exists():
        _keep(directory, CREDENTIALS, await board.get("/v1/credentials"))
        say(f"{opened.election.voters:,} credentials")
    entries = await _entries(board, directory)
    log = _read(entries, opened)
    for name, digest in _announced(opened, log):
        path = directory / name
        if path.exists() and hashlib.sha512(path.read_bytes()).digest() == digest:
            continue
        content = await board.get(f"/v1/files/{digest.hex()}")
        if hashlib.sha512(content).digest() != digest:
            raise WrongFileError(f"{name}: the board gave another file than was announced")
        make_directory(path.parent)
        _keep(directory, name, content)
        say(f"{name}: {len(content):,} bytes")
    say(f"{len(log.ballots):,} ballots; the election is {log.phase.value}")
    return opened


async def _entries(board: PublicBoard, directory: Path) -> bytes:
    """Load the entries that are new, and a head; return all entries."""
    path = directory / ENTRIES
    known = path.read_bytes() if path.exists() else b""
    while True:
        head = await board.get("/v1/head")
        entries = known + await board.get("/v1/entries", start=len(known))
        size = int.from_bytes(head[32:40], "big")
        count = sum(1 for _ in split_entries(entries))
        known = entries
        # Ballots may be stored between the two answers: then the head is a little old, and another one is asked for.
        if count == size:
            _keep(directory, ENTRIES, entries)
            _keep(directory, HEAD, head)
            return entries
        if count < size:
            raise PeerError(f"the board signed {size} entries, and gives {count}")


def _read(entries: bytes, opened: OpenedRecord) -> ElectionLog:
    reader = LogReader(opened.election, opened.record, opened.fingerprint)
    for entry in split_entries(entries):
        reader.take(entry)
    return reader.log


def _announced(opened: OpenedRecord, log: ElectionLog) -> Iterator[tuple[str, bytes]]:
    """Yield the name and digest of every file that was announced."""
    polls = opened.election.polls
    for (poll, mixer), mix in sorted(log.mixes.items()):
        output, proof = mix_files(polls[poll].id, mixer)
        yield output, bytes(mix.output)
        yield proof, bytes(mix.proof)
    if not opened.election.counts_only:
        for (poll, trustee), shares in sorted(log.shares.items()):
            yield shares_file(polls[poll].id, trustee), bytes(shares.shares)
    if log.result is not None:
        yield RESULT, bytes(log.result.result)


def _keep(directory: Path, name: str, content: bytes) -> None:
    write_atomically(directory / name, content, mode=PUBLIC_FILE)
