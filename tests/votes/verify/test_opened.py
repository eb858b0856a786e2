"""Published files that are not what the record and the log say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from loopixmix.errors import PeerError
from tests.worlds.elections import CLOSES_AT, changed
from tests.worlds.whole_elections import FilesInMemory, WholeElection
from votes.record.canonical import Hex
from votes.record.heads import LogHead
from votes.record.merkle import MerkleTree
from votes.verify.opened import LieError, OpenedRecord, open_credentials, open_log, opened_record
from votes.verify.published import CREDENTIALS, HEAD

ELECTION = WholeElection()
LISTED = ELECTION.voters.credentials
OPENED = opened_record(ELECTION.world.record, ELECTION.group)


def listing(credentials: Sequence[bytes]) -> OpenedRecord:
    """Return a record that has just this list of credentials."""
    tree = MerkleTree()
    for each in credentials:
        tree.append(each)
    election = changed(OPENED.election, voters=len(credentials), credential_root=Hex(tree.root()))
    return replace(OPENED, election=election)


def published(credentials: Sequence[bytes]) -> FilesInMemory:
    files = FilesInMemory()
    files.files[CREDENTIALS] = b"".join(credentials)
    return files


def test_a_list_of_the_record_is_read() -> None:
    assert open_credentials(published(LISTED), OPENED) == LISTED
    assert open_credentials(published(LISTED[:2]), listing(LISTED[:2])) == LISTED[:2]


@pytest.mark.parametrize(
    "credentials",
    [
        # One voter twice: both ballots of one code would count, if the list were a list of rights.
        [LISTED[0], LISTED[0], LISTED[1]],
        [LISTED[1], LISTED[0]],
    ],
)
def test_no_credential_is_in_the_list_twice(credentials: Sequence[bytes]) -> None:
    with pytest.raises(LieError, match="do not ascend"):
        open_credentials(published(credentials), listing(credentials))


def test_a_credential_is_an_element() -> None:
    credentials = [*LISTED, b"\xff" * 32]
    with pytest.raises(PeerError, match="canonical"):
        open_credentials(published(credentials), listing(credentials))


def test_the_list_is_the_one_of_the_record() -> None:
    with pytest.raises(LieError, match="not 32 for each of 4 voters"):
        open_credentials(published(LISTED[:3]), OPENED)
    with pytest.raises(LieError, match="whose root is in the record"):
        open_credentials(published(sorted([*LISTED[:3], ELECTION.group.generator.encode()])), OPENED)


def test_the_head_is_one_of_this_election() -> None:
    files = WholeElection().publish()
    tree = MerkleTree()
    tree.append(ELECTION.entries[0])
    board = ELECTION.world.keys.board
    files.files[HEAD] = LogHead(ELECTION.world.fingerprint, 1, tree.root(), CLOSES_AT).sign(board).encode()
    open_log(files, OPENED)
    files.files[HEAD] = LogHead(bytes(32), 1, tree.root(), CLOSES_AT).sign(board).encode()
    with pytest.raises(LieError, match="that of another election"):
        open_log(files, OPENED)
