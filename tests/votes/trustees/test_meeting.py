from __future__ import annotations

from pathlib import Path

import pytest

from loopixmix.errors import MisuseError, StoreError
from votes.trustees.meeting import MOST_BYTES, FolderMeeting

STATEMENT = b"\1" + bytes(32) + b"\0\2" + b"body"


def test_what_one_publishes_the_others_see(tmp_path: Path) -> None:
    FolderMeeting(tmp_path).publish(STATEMENT)
    assert FolderMeeting(tmp_path).statements() == [STATEMENT]
    [path] = (tmp_path / "key").iterdir()
    assert path.name.startswith("1-trustee-2-")


def test_a_statement_is_there_once(tmp_path: Path) -> None:
    for _ in range(2):
        FolderMeeting(tmp_path).publish(STATEMENT)
    assert len(FolderMeeting(tmp_path).statements()) == 1


def test_an_empty_place_has_no_statements_and_no_draft(tmp_path: Path) -> None:
    meeting = FolderMeeting(tmp_path / "nothing")
    assert meeting.statements() == []
    with pytest.raises(MisuseError, match="no draft"):
        meeting.draft()


def test_absurd_files_are_refused(tmp_path: Path) -> None:
    meeting = FolderMeeting(tmp_path)
    meeting.publish(STATEMENT + bytes(MOST_BYTES))
    with pytest.raises(StoreError, match="more or longer files"):
        meeting.statements()
