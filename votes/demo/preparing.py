"""Before the election: the parties make their keys, the voters get codes, and the record is frozen."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import tomli_w

from loopixmix.errors import FormatError
from loopixmix.process.files import write_atomically
from loopixmix.testnet.story import Story
from votes.administration.folder import PLAN, RECORD
from votes.credentials.folder import LIST_FILE
from votes.credentials.invitation import Invitation, decode_invitation
from votes.demo.choosing import POLLS
from votes.demo.commands import PartyCommands
from votes.demo.folders import MIXERS, THRESHOLD, TRUSTEES, DemoFolders
from votes.demo.network import DemoSize
from votes.voting.concurrency import together

ADMINISTRATOR, REGISTRY, BOARD = "administrator", "credential authority", "board"
TITLE = "Garden club"
ERASED_AFTER_S = 3600
_IDENTITY = re.compile(r"[0-9a-f]{64}")

Card = Mapping[str, Any]
"""What a party tells the administrator: its name and its public keys."""


class Invited(NamedTuple):
    """A voter's letter. `number`: of the voter, from 1."""

    number: int
    code: str
    invitation: Invitation


class Preparation:
    """Tells and does what happens before the election opens."""

    def __init__(self, folders: DemoFolders, commands: PartyCommands, story: Story, size: DemoSize) -> None:
        """`folders`: of the parties; that of the board is in the network's."""
        self._folders = folders
        self._commands = commands
        self._story = story
        self._size = size
        self._cards: dict[str, Any] = {}

    async def introduce(self) -> None:
        """Let each party make its keys, and the authority a code for each voter."""
        folders, run, tell = self._folders, self._commands.run, self._story.tell
        self._story.steps.step("each party makes its keys", 1)
        said = await run("admin", "init", folders.administrator)
        self._cards["administrator"] = _identity_in(said)
        write_atomically(folders.voters, self._voter_file().encode())
        _, *cards = await together(
            self._credentials(),
            *(run("trustee", "init", folders.trustee(n), "--name", name) for n, name in enumerate(TRUSTEES, 1)),
            *(run("mixer", "init", folders.mixer(n), "--name", name) for n, name in enumerate(MIXERS)),
        )
        self._cards["trustees"] = [json.loads(card) for card in cards[: len(TRUSTEES)]]
        self._cards["mixers"] = [json.loads(card) for card in cards[len(TRUSTEES) :]]
        self._story.steps.finish()
        tell(ADMINISTRATOR, "plans the election, and asks the others for their keys")
        tell(REGISTRY, f"knows who may vote, and has drawn a secret code for each of {self._size.voters} voters")
        tell("trustees", f"{', '.join(TRUSTEES)}: {THRESHOLD} of them together will open the ballot box, and no fewer")
        tell("mixers", f"{' and '.join(MIXERS)}: one after the other they will part the ballots from their voters")

    async def place_board(self) -> None:
        """Make the board, in the directory that its program has in the network."""
        listen = ("--host", "127.0.0.1", "--port", self._size.face_port)
        words = ("--administrator", self._cards["administrator"], "--name", "Board", *listen)
        self._cards["board"] = json.loads(await self._commands.run("board", "init", self._folders.board, *words))

    async def freeze(self, opens_at_s: int, closes_at_s: int) -> str:
        """Let the trustees make the key, freeze the record, and give it to the board; return the fingerprint."""
        folders, run, tell = self._folders, self._commands.run, self._story.tell
        self._story.steps.step("the trustees make the key together, and back it up", 1)
        write_atomically(folders.administrator / PLAN, tomli_w.dumps(self._plan(opens_at_s, closes_at_s)).encode())
        await run("admin", "draft", folders.administrator, folders.meeting)
        await together(*(self._make_key(number) for number in range(1, len(TRUSTEES) + 1)))
        said = await run("admin", "freeze", folders.administrator, folders.meeting)
        self._story.steps.finish()
        tell("trustees", "made the key together: nobody has it whole, and each has shown that its backup opens")
        fingerprint = said.splitlines()[1]
        tell(ADMINISTRATOR, f"froze the record; its fingerprint is {fingerprint}")
        return fingerprint

    async def open(self) -> list[Invited]:
        """Invite the voters, and give the record to the board, which opens the election."""
        folders, run, tell = self._folders, self._commands.run, self._story.tell
        self._story.steps.step("the voters are invited, and the board gets the record", 1)
        await together(self._invite(), run("board", "credentials", folders.board, folders.registry / LIST_FILE))
        await run("admin", "start", folders.administrator, self.url)
        await together(*(self._sign(number) for number in range(1, len(TRUSTEES) + 1)))
        self._story.steps.finish()
        tell("trustees", "found that the board's record has the key that they made, and signed it")
        tell(REGISTRY, "sent each voter an invitation with the code; the list that it gave away has no names")
        tell(BOARD, "has the record with the signatures of all trustees, and opens the election")
        return self._invitations()

    @property
    def url(self) -> str:
        """The board's public face."""
        return f"http://127.0.0.1:{self._size.face_port}"

    async def _credentials(self) -> str:
        folder, run = self._folders.registry, self._commands.run
        self._cards["registry"] = json.loads(await run("credentials", "init", folder, "--name", "Registry"))
        await run("credentials", "voters", folder, self._folders.voters)
        self._cards["listed"] = json.loads(await run("credentials", "draw", folder))
        return ""

    async def _make_key(self, number: int) -> None:
        own, run = self._folders.trustee(number), self._commands.run
        await run("trustee", "make-key", own, self._folders.meeting)
        words, backup = own / "passphrase", self._backup(number)
        write_atomically(words, b"only for a demonstration\n")
        await run("trustee", "backup", own, self._folders.meeting, backup, "--passphrase-file", words)

    async def _sign(self, number: int) -> None:
        who, own, run = f"trustee-{number}", self._folders.trustee(number), self._commands.run
        published, out = self._folders.published(who), self._folders.out(who)
        await run("fetch", self.url, published)
        words = (published / RECORD, self._backup(number), out, "--passphrase-file", own / "passphrase", "--yes")
        await run("trustee", "sign-record", own, *words)
        await run("submit", self.url, out)

    def _backup(self, number: int) -> Path:
        return self._folders.root / f"backup-of-trustee-{number}"

    async def _invite(self) -> None:
        registry, run = self._folders.registry, self._commands.run
        await run("credentials", "freeze", registry, self._folders.administrator / RECORD)
        await run("credentials", "invitations", registry, self._folders.invitations)

    def _invitations(self) -> list[Invited]:
        with self._folders.invitations.open(newline="", encoding="utf-8") as file:
            return [
                Invited(int(row["id"]), row["code"], decode_invitation(row["invitation"]))
                for row in csv.DictReader(file)
            ]

    def _voter_file(self) -> str:
        rows = [f"{number},Voter {number}" for number in range(1, self._size.voters + 1)]
        return "\n".join(["id,name", *rows, ""])

    def _plan(self, opens_at_s: int, closes_at_s: int) -> dict[str, Any]:
        return {
            "title": TITLE,
            "description": "An election of the demonstration.",
            "administrator": "Office",
            "opens_at": _date(opens_at_s),
            "closes_at": _date(closes_at_s),
            "codes_erased_by": _date(closes_at_s + ERASED_AFTER_S),
            "threshold": THRESHOLD,
            "polls": list(POLLS),
            "credential_authority": self._cards["registry"],
            "credentials": self._cards["listed"],
            "board": self._cards["board"],
            "trustees": self._cards["trustees"],
            "mixers": self._cards["mixers"],
        }


def _date(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)


def _identity_in(said: str) -> str:
    found = _IDENTITY.search(said)
    if found is None:
        raise FormatError(f"there is no identity in {said!r}")
    return found.group()
