from __future__ import annotations

from pathlib import Path

from votes.demo.folders import DemoFolders
from votes.demo.network import BOARD, PARAMS, DemoSize, demo_plan


def test_several_voters_share_a_process_and_none_is_at_the_boards_provider() -> None:
    size = DemoSize(voters=120, per_process=50, base_port=20_000)
    plan = demo_plan(size, DemoFolders(Path("/demo")))
    board, *voters = plan.programs
    assert board.name == "board"
    assert [len(each.command) - 6 for each in voters] == [50, 50, 20]
    assert voters[2].command[-1] == "{network}/voters/0120"
    assert voters[2].status_file == "../voters/0120/api.url"
    assert {size.provider_of(voter) for voter in range(1, 121)} == {"provider-1", "provider-2"}
    assert BOARD == "board@provider-3"


def test_clients_pull_all_that_their_streams_bring() -> None:
    assert PARAMS.pulls_suffice
