"""Announcements handed in to the board, with the files that they name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from loopixmix.errors import MisuseError
from votes.public.calls import PublicBoard
from votes.record.entries import EntryKind
from votes.verify.published import APPROVAL, LISTS, RESULT, announcement_of

PART_BYTES = 1 << 20
SUFFIX = announcement_of("")
_WITHOUT_FILES = {announcement_of(APPROVAL): EntryKind.APPROVAL, announcement_of(LISTS): EntryKind.LISTS}


async def submit(board: PublicBoard, out: Path, say: Callable[[str], object]) -> None:
    """Hand in everything in the folder `out` that a mixer, trustee or administrator made.

    If `out` is a file, it is the statement of the credential authority that it erased who has which credential.

    It may be called again: what the board has is not sent twice. Raises `MisuseError` if there is nothing to hand in,
    `BoardAwayError`, `BoardSaysNoError` with the board's reason.
    """
    if out.is_file():
        say(f"{out}: entry {await board.announce(EntryKind.ERASURE, out.read_bytes())} of the board")
        return
    announcements = sorted(out.rglob(f"*{SUFFIX}"))
    if not announcements:
        raise MisuseError(f"{out}: there is nothing to hand in")
    for path in announcements:
        index = await _submit_one(board, _kind_of(out, path), path, say)
        say(f"{path.relative_to(out)}: entry {index} of the board")


async def _submit_one(board: PublicBoard, kind: EntryKind, path: Path, say: Callable[[str], object]) -> int:
    body = path.read_bytes()
    found = await board.announce(kind, body)
    if isinstance(found, int):
        return found
    files = {hashlib.sha512(each.read_bytes()).hexdigest(): each for each in _files_beside(path)}
    for part in found:
        if part.digest not in files:
            raise MisuseError(f"{path}: the file that it announces is not beside it")
        content = files[part.digest].read_bytes()
        for offset in range(part.have_bytes, len(content), PART_BYTES):
            await board.put(part, offset, content[offset : offset + PART_BYTES])
            say(f"{files[part.digest].name}: {min(offset + PART_BYTES, len(content)):,} of {len(content):,} bytes")
        await board.finish(part)
    again = await board.announce(kind, body)
    if not isinstance(again, int):
        raise MisuseError(f"{path}: the board still misses files")
    return again


def _files_beside(path: Path) -> Iterator[Path]:
    for each in sorted(path.parent.iterdir()):
        if each.is_file() and not each.name.endswith(SUFFIX):
            yield each


def _kind_of(out: Path, path: Path) -> EntryKind:
    parts = path.relative_to(out).parts
    if path.name == announcement_of(RESULT):
        return EntryKind.RESULT
    if path.name in _WITHOUT_FILES:
        return _WITHOUT_FILES[path.name]
    if "mixes" in parts:
        return EntryKind.MIX
    if "shares" in parts:
        return EntryKind.SHARES
    raise MisuseError(f"{path}: this is no announcement of a mixer, trustee or administrator")
