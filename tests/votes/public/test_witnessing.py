from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from client.testing import wait_for
from tests.worlds.public_faces import FaceInMemory
from tests.worlds.voting import GROUP, VotingWorld
from votes.public.fetching import fetch
from votes.public.witnessing import another_log, compare_with_witness
from votes.record.heads import ForkedBoardError, SignedHead
from votes.verify.published import CREDENTIALS, ENTRIES
from votes.witness.requests import ShownHead
from votes.witness.service import WitnessService

WITNESS = "witness@provider-1"


class AtTheWitness:
    """A client whose requests are answered at once."""

    def __init__(self) -> None:
        self._witness = WitnessService(None)  # type: ignore[arg-type]

    async def request(self, service: str, body: bytes, *, timeout_s: float) -> bytes:
        assert service == WITNESS
        assert timeout_s > 0
        return await self._witness.answer(body)


class Auditor:
    """Somebody with a folder, a client, and the public face of a board."""

    def __init__(self, path: Path) -> None:
        path.mkdir(exist_ok=True)
        self.world = VotingWorld(path)
        self.client = AtTheWitness()
        self.folder = path / "published"
        (path / CREDENTIALS).write_bytes(self.world.list.data)
        self.face = FaceInMemory(self.world.board, path, self.world.clock)
        self.said: list[str] = []

    def compare(self) -> None:
        async def work() -> None:
            opened = await fetch(self.face.public, self.folder, GROUP, self.said.append)
            await compare_with_witness(
                self.client,  # type: ignore[arg-type]
                WITNESS,
                self.face.public,
                self.folder,
                opened,
                GROUP,
                self.said.append,
            )

        self.face.run(work())

    def vote(self, *voters: int) -> None:
        for number in voters:
            self.world.cast(self.world.client(f"voter-{number}"), self.world.booth(number))
        self.world.until_closing()

    def show(self, head: SignedHead) -> None:
        """Show the witness a head that somebody else saw."""
        shown = ShownHead(self.world.world.keys.board.identity, head).encode()
        wait_for(self.client.request(WITNESS, shown, timeout_s=60), self.world.clock)


@pytest.fixture
def auditor(tmp_path: Path) -> Iterator[Auditor]:
    made = Auditor(tmp_path)
    yield made
    made.world.close()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Auditor]:
    """The same board and election, as it is shown to others."""
    made = Auditor(tmp_path / "elsewhere")
    yield made
    made.world.close()


def test_a_log_that_everybody_sees_is_said_to_be_one(auditor: Auditor) -> None:
    auditor.show(auditor.world.board.head())
    auditor.vote(0, 1)
    auditor.compare()
    assert auditor.said[-1] == (f"{WITNESS} knows 2 states of the board's log, all of the one that is published")


def test_two_logs_of_one_length_are_found(auditor: Auditor, elsewhere: Auditor) -> None:
    auditor.vote(0)
    elsewhere.vote(1)
    auditor.show(elsewhere.world.board.head())
    with pytest.raises(ForkedBoardError, match="is not the log which it publishes"):
        auditor.compare()
    size = elsewhere.world.board.head().head.size
    [evidence] = auditor.folder.glob("head-of-another-log-*")
    assert evidence.name.endswith(f"-{size}")


def test_a_log_that_was_shortened_is_found(auditor: Auditor, elsewhere: Auditor) -> None:
    elsewhere.vote(0, 1)
    auditor.show(elsewhere.world.board.head())
    with pytest.raises(ForkedBoardError, match="knows a log of"):
        auditor.compare()


def test_each_head_is_compared_with_the_log_up_to_its_size(auditor: Auditor) -> None:
    first = auditor.world.board.head()
    auditor.vote(0, 1)
    second = auditor.world.board.head()
    auditor.compare()
    entries = (auditor.folder / ENTRIES).read_bytes()
    assert another_log(entries, [second, first]) is None
    # A log that has not so many entries is another one.
    assert another_log(b"", [first]) == first
