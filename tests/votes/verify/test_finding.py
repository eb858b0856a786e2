from __future__ import annotations

import pytest

from tests.worlds.elections import OPENS_AT
from tests.worlds.whole_elections import CHOICES, WholeElection
from votes.ballot.ballots import decode_ballot
from votes.ballot.challenging import open_ballot
from votes.ballot.choices import ChosenOptions, YesOrNo
from votes.record.entries import EntryKind, decode_entry
from votes.verify.finding import FoundBallot, find_ballots
from votes.verify.opened import open_log, opened_record


class Log:
    """An election that is open: a challenged ballot, two of one voter, and one that is no ballot at all."""

    def __init__(self) -> None:
        self.whole = whole = WholeElection()
        whole.open()
        self.challenged = whole.voters.made(0, (ChosenOptions(frozenset({1})), YesOrNo(True)))
        whole.append(EntryKind.CHALLENGE, open_ballot(self.challenged), OPENS_AT)
        for counter in (2, 3):
            whole.append(EntryKind.BALLOT, whole.voters.cast(0, CHOICES[0], counter=counter), OPENS_AT)
        whole.append(EntryKind.BALLOT, b"no ballot", OPENS_AT)

    def find(self, wanted: str) -> list[FoundBallot]:
        opened = opened_record(self.whole.world.record, self.whole.group)
        log, _ = open_log(self.whole.publish(), opened)
        return list(find_ballots(opened, self.whole.voters.credentials, log, wanted))

    def code(self, entry: int) -> str:
        return decode_ballot(self.whole.voters.form, decode_entry(self.whole.entries[entry]).body).tracking_code


@pytest.fixture(scope="module")
def log() -> Log:
    return Log()


def test_a_ballot_is_found_by_its_tracking_code(log: Log) -> None:
    [found] = log.find(log.code(7))
    assert (found.entry, found.fate) == (7, "it counts")
    [found] = log.find(log.code(6).lower().replace("-", " "))
    assert (found.entry, found.fate) == (6, "it does not count: the same voter cast one with a higher counter")
    assert log.find("AAAAA-AAAAA-AAAAA-AAAAA") == []


def test_a_challenged_ballot_says_what_it_says(log: Log) -> None:
    [found] = log.find(log.challenged.ballot.tracking_code)
    assert (found.entry, found.says) == (5, (ChosenOptions(frozenset({1})), YesOrNo(True)))


def test_all_ballots_of_a_credential_are_found(log: Log) -> None:
    assert [each.entry for each in log.find(log.whole.voters.voters[0].credential.hex())] == [6, 7, 5]
