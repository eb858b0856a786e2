from __future__ import annotations

import os
from pathlib import Path

import pytest

from loopixmix.errors import MisuseError
from votes.demo.folders import DemoFolders
from votes.demo.network import BOARD, BOARD_SOCKET, PARAMS, DemoSize, check_room, demo_plan


def test_several_voters_share_a_process_and_none_is_at_the_boards_provider() -> None:
    size = DemoSize(voters=120, per_process=50, base_port=20_000)
    plan = demo_plan(size, DemoFolders(Path("/demo")))
    board, *voters = plan.programs
    assert board.name == "board"
    assert [len(each.command) - 5 for each in voters] == [50, 50, 20]
    assert voters[2].command[-1] == "{network}/voters/0120"
    assert voters[2].status_file == "../voters/0120/api.url"
    assert {size.provider_of(voter) for voter in range(1, 121)} == {"provider-1", "provider-2"}
    assert BOARD == "board@provider-3"


def test_clients_pull_all_that_their_streams_bring() -> None:
    assert PARAMS.pulls_suffice


def test_a_folder_is_refused_if_a_socket_in_it_would_have_too_long_a_path() -> None:
    most = 107 - len(os.fsencode(DemoFolders(Path("/")).board / BOARD_SOCKET))
    check_room(DemoFolders(Path("/" + "x" * (most - 1))))
    with pytest.raises(MisuseError, match=f"at most {most} bytes, not {most + 1}"):
        check_room(DemoFolders(Path("/" + "x" * most)))
    # Bytes count, and not letters.
    with pytest.raises(MisuseError):
        check_room(DemoFolders(Path("/" + "\u00e4" * (most // 2 + 1))))
