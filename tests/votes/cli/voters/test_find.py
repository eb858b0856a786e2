from __future__ import annotations

import json
from pathlib import Path

from tests.worlds.election_folders import write_published
from tests.worlds.elections import OPENS_AT
from tests.worlds.vote_commands import VoteCommands
from tests.worlds.whole_elections import WholeElection
from votes.ballot.challenging import open_ballot
from votes.ballot.choices import ChosenOptions, YesOrNo
from votes.record.entries import EntryKind

BEN = (ChosenOptions(frozenset({1})), YesOrNo(True))


def test_a_voter_finds_the_own_ballot_and_what_a_challenged_one_says(tmp_path: Path) -> None:
    whole, commands = WholeElection(), VoteCommands(tmp_path)
    cast, challenged = whole.voters.made(0, BEN), whole.voters.made(1, BEN)
    whole.open()
    whole.append(EntryKind.BALLOT, cast.ballot.encoding, OPENS_AT)
    whole.append(EntryKind.CHALLENGE, open_ballot(challenged), OPENS_AT)
    folder = write_published(whole.publish(), tmp_path / "published")
    assert commands.good("find", folder, cast.ballot.tracking_code).endswith("UTC: it counts\n")
    assert "\n  Board: Ben\n" in commands.good("find", folder, challenged.ballot.tracking_code)
    [told] = json.loads(commands.good("find", folder, challenged.ballot.tracking_code, "--json"))
    assert told["ballot"] == challenged.ballot.tracking_code
    assert told["says"] == [["Ben"], ["Yes"]]
    assert told["stored_at"] is None
    [own] = json.loads(commands.good("find", folder, cast.ballot.tracking_code, "--json"))
    assert own["fate"] == "it counts"
    assert own["stored_at"].endswith("+00:00")
    assert "no ballot there has" in commands.refused("find", folder, "AAAAA-AAAAA-AAAAA-AAAAA")
