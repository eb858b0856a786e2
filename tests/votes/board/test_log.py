from __future__ import annotations

from pathlib import Path
from typing import IO

import pytest
from sqlalchemy import delete

from loopixmix.errors import StoreError
from tests.worlds.boards import BoardWorld, plain_ballot
from tests.worlds.elections import OPENS_AT
from votes.board.entryfile import EntryFile
from votes.board.log import HEAD_AGE_S, Writing
from votes.board.store.rows import entries_from
from votes.board.store.schema import entries
from votes.record.entries import EntryKind
from votes.record.heads import check_growth, decode_head
from votes.record.merkle import MerkleTree, leaf_hash, proves_inclusion


class FileOnADisk(EntryFile):
    """A file whose disk is full at first."""

    def __init__(self, path: Path) -> None:
        self.is_full = True
        super().__init__(path)

    def _opened(self) -> IO[bytes]:
        file = super()._opened()
        if not self.is_full:
            return file
        file.close()
        return self.path.open("rb")


def fill(boards: BoardWorld, count: int) -> None:
    for number in range(count):
        boards.casting.cast(plain_ballot(number))


def test_every_head_continues_the_one_before_also_over_a_restart(boards: BoardWorld) -> None:
    boards.open()
    heads = [boards.board.head().head]
    for _ in range(3):
        fill(boards, len(heads) * 3)
        boards.restart()
        heads.append(boards.board.head().head)
    newest = heads[-1]
    for head in heads:
        check_growth(head, newest, boards.board.log.consistency(head.size, newest.size))
    assert [head.size for head in heads] == [5, 8, 11, 14]


def test_the_tree_is_that_of_the_entries(boards: BoardWorld) -> None:
    boards.open()
    fill(boards, 5)
    log = boards.board.log
    stored = log.read(lambda connection: entries_from(connection, 0, 99))
    leaves = [leaf_hash(each.entry.encode()) for each in stored]
    head = boards.board.head().head
    assert head.root == MerkleTree(leaves).root()
    for index, leaf in enumerate(leaves):
        assert proves_inclusion(leaf, index, head.size, log.inclusion(index, head.size), head.root)


def test_a_head_is_signed_by_the_board_and_again_after_a_while(boards: BoardWorld) -> None:
    boards.open()
    first = boards.board.head()
    assert decode_head(first.encode(), boards.world.keys.board.identity) == first
    assert first.head.fingerprint == boards.world.fingerprint
    boards.clock.now_s += HEAD_AGE_S
    assert boards.board.head() == first
    boards.clock.now_s += 1
    assert boards.board.head().head.at_s == first.head.at_s + HEAD_AGE_S + 1


def test_what_fails_leaves_nothing_behind(boards: BoardWorld) -> None:
    boards.open()
    before = boards.board.head()

    def fail(_: object, writing: Writing) -> None:
        writing.add(EntryKind.BALLOT, plain_ballot(1))
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        boards.board.log.append(fail)
    assert boards.board.head() == before
    fill(boards, 1)
    assert boards.board.log.size == before.head.size + 1


def test_times_never_go_back_though_the_clock_does(boards: BoardWorld) -> None:
    boards.open()
    fill(boards, 1)
    boards.clock.now_s = OPENS_AT + 1
    boards.restart()
    fill(boards, 2)
    stored = boards.board.log.read(lambda connection: entries_from(connection, 0, 99))
    times = [each.entry.at_s for each in stored]
    assert times == sorted(times)


def test_all_entries_are_in_the_file_also_those_that_a_crash_kept_from_it(boards: BoardWorld) -> None:
    boards.open()
    fill(boards, 4)
    file = boards.directory / "entries"
    stored = boards.board.log.read(lambda connection: entries_from(connection, 0, 99))
    expected = b"".join(each.entry.encode() for each in stored)
    assert file.read_bytes() == expected
    file.write_bytes(expected[:-100])
    boards.restart()
    assert file.read_bytes() == expected


def test_a_missing_entry_is_found_at_the_start(boards: BoardWorld) -> None:
    boards.open()
    fill(boards, 4)
    boards.board.log.append(lambda connection, _: connection.execute(delete(entries).where(entries.c.place == 3)))
    with pytest.raises(StoreError, match="entry 3 is missing"):
        boards.restart()


def test_proofs_of_what_is_not_there_are_refused(boards: BoardWorld) -> None:
    boards.open()
    with pytest.raises(ValueError, match="never had"):
        boards.board.log.inclusion(0, 99)
    with pytest.raises(ValueError, match="did not grow"):
        boards.board.log.consistency(99, 2)


def test_a_file_on_a_full_disk_gets_all_entries_once_there_is_room(boards: BoardWorld) -> None:
    boards.open()
    before = boards.board.log.size
    (boards.directory / "entries").unlink()
    files: list[FileOnADisk] = []

    def on_a_full_disk(path: Path) -> FileOnADisk:
        files.append(FileOnADisk(path))
        return files[-1]

    boards.make_file = on_a_full_disk
    boards.restart()
    log = boards.board.log
    assert "cannot be written" in (log.problem or "")
    fill(boards, 2)
    log.catch_up()
    assert log.problem is not None
    assert (boards.directory / "entries").read_bytes() == b""
    files[-1].is_full = False
    log.catch_up()
    fill(boards, 3)
    assert log.problem is None
    stored = log.read(lambda connection: entries_from(connection, 0, 99))
    assert len(stored) == before + 3
    assert (boards.directory / "entries").read_bytes() == b"".join(each.entry.encode() for each in stored)
