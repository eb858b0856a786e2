from __future__ import annotations

import random
from pathlib import Path

import pytest

from loopixmix.errors import ConfigError
from tests.worlds.voters import Voters
from votes.board.face.routes import CREDENTIALS_FILE
from votes.board.running.credentials import NO_LIST, ServedCredentials
from votes.board.running.directory import BoardConfig, BoardDirectory

VOTERS = Voters()
LIST, ELECTION = b"".join(VOTERS.credentials), VOTERS.world.election
ONE = VOTERS.credentials[0]


@pytest.fixture
def directory(tmp_path: Path) -> BoardDirectory:
    administrator = VOTERS.world.keys.administrator.identity.hex()
    return BoardDirectory.create(tmp_path / "board", BoardConfig(administrator=administrator), random.Random(1))


def test_a_list_that_comes_while_the_board_runs_is_taken_up(directory: BoardDirectory) -> None:
    served = ServedCredentials(directory, 32)
    served.serve(ELECTION)
    assert (served.state, served.look(), ONE in served) == (NO_LIST, None, False)
    directory.put_credentials(LIST)
    assert served.look() == "3 are taken up"
    assert ONE in served
    assert bytes(32) not in served
    assert served.look() is None


def test_only_the_list_of_the_record_counts(directory: BoardDirectory) -> None:
    directory.put_credentials(ONE)
    served = ServedCredentials(directory, 32)
    assert served.state == "1 are taken up"
    served.serve(ELECTION)
    assert "it is not the list of the record" in served.state
    assert ONE not in served
    directory.put_credentials(LIST)
    served.look()
    assert ONE in served


def test_a_damaged_list_changes_nothing_while_the_board_runs(directory: BoardDirectory) -> None:
    directory.put_credentials(LIST)
    served = ServedCredentials(directory, 32)
    served.serve(ELECTION)
    directory.put_credentials(LIST[:-1])
    assert "the new list is not taken up" in (served.look() or "")
    assert ONE in served
    with pytest.raises(ConfigError, match=CREDENTIALS_FILE):
        ServedCredentials(directory, 32)
    (directory.path / CREDENTIALS_FILE).unlink()
    assert served.look() == NO_LIST
    assert ONE not in served
