from __future__ import annotations

import io
import random
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from rich.console import Console
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from loopixmix.errors import UnavailableError
from loopixmix.group.ristretto import ristretto255
from loopixmix.progress import Steps
from loopixmix.testnet.story import Story
from tests.worlds.party_commands import RecordedCommands
from votes.administration.folder import PLAN
from votes.administration.planning import draft_of, read_plan
from votes.demo.folders import MIXERS, TRUSTEES, DemoFolders
from votes.demo.network import DemoSize
from votes.demo.preparing import Preparation
from votes.record.signing import PartyKey

T = TypeVar("T")
OPENS_AT, CLOSES_AT = 1_800_000_000, 1_800_000_300


class Office:
    """A preparation whose commands are recorded."""

    def __init__(self, path: Path) -> None:
        self.folders = DemoFolders(path)
        self.commands = RecordedCommands()
        self.screen = io.StringIO()
        console = Console(file=self.screen, width=200)
        story = Story(console, Steps(console))
        commands: Any = self.commands
        self.preparation = Preparation(self.folders, commands, story, DemoSize(voters=2, base_port=20_000))

    def introduced(self) -> None:
        done(self.preparation.introduce())
        done(self.preparation.place_board())


def done(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of work that waits for nothing."""
    results: list[T | Failure] = []
    Deferred.fromCoroutine(work).addBoth(results.append)
    [found] = results
    if isinstance(found, Failure):
        found.raiseException()
    return cast(T, found)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_each_party_makes_its_keys_before_the_board_is_placed(office: Office) -> None:
    office.introduced()
    names = office.commands.names()
    assert names[0] == "admin init"
    assert names[-1] == "board init"
    assert names.count("trustee init") == len(TRUSTEES)
    assert names.count("mixer init") == len(MIXERS)
    order = ["credentials init", "credentials voters", "credentials draw"]
    assert [name for name in names if name in order] == order
    assert office.folders.voters.read_text() == "id,name\n1,Voter 1\n2,Voter 2\n"


def test_the_plan_has_the_facts_of_all_parties_and_is_a_right_one(office: Office) -> None:
    office.introduced()
    assert done(office.preparation.freeze(OPENS_AT, CLOSES_AT)) == "AAAAA-BBBBB"
    plan = read_plan((office.folders.administrator / PLAN).read_text())
    draft = draft_of(plan, PartyKey.generate(random.Random(1)).identity, ristretto255())
    assert tuple(trustee.name for trustee in draft.trustees) == TRUSTEES
    assert (draft.opens_at, draft.closes_at, draft.voters) == (OPENS_AT, CLOSES_AT, 2)
    names = office.commands.names()
    # Each trustee has a backup before the record is frozen.
    assert names.index("admin draft") < names.index("trustee make-key") < names.index("trustee backup")
    assert max(at for at, name in enumerate(names) if name == "trustee backup") < names.index("admin freeze")


def test_the_board_gets_the_record_before_trustees_sign_it_and_voters_are_invited(office: Office) -> None:
    office.introduced()
    done(office.preparation.freeze(OPENS_AT, CLOSES_AT))
    invited = done(office.preparation.open())
    assert [(letter.number, letter.code) for letter in invited] == [(1, "CODE-1"), (2, "CODE-2")]
    names = office.commands.names()
    assert names.index("board credentials") < names.index("admin start") < names.index("trustee sign-record")
    assert names.count("trustee sign-record") == len(TRUSTEES)
    assert office.preparation.url == "http://127.0.0.1:20020"


def test_no_word_of_a_command_is_a_code(office: Office) -> None:
    office.introduced()
    done(office.preparation.freeze(OPENS_AT, CLOSES_AT))
    done(office.preparation.open())
    assert not any("CODE-" in word for line in office.commands.lines for word in line)
    assert "CODE-" not in office.screen.getvalue()


def test_the_first_command_that_fails_ends_it(office: Office) -> None:
    office.commands.failing = ("trustee", "init")
    with pytest.raises(UnavailableError, match="trustee init failed"):
        office.introduced()
    assert "board init" not in office.commands.names()
