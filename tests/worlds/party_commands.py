"""The commands of an election's parties, recorded and not run."""

from __future__ import annotations

import json
import random
from pathlib import Path

from loopixmix.errors import UnavailableError
from loopixmix.process.files import make_directory
from tests.worlds.plans import trustee_card
from votes.credentials.invitation import Invitation
from votes.record.signing import PartyKey


class RecordedCommands:
    """Answers as the parties' commands do. `lines`: what was run; `failing`: the first words of one that fails."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, ...]] = []
        self.failing: tuple[str, ...] = ()
        self._rng = random.Random(3)

    async def run(self, *words: object) -> str:
        line = tuple(map(str, words))
        self.lines.append(line)
        if self.failing and line[: len(self.failing)] == self.failing:
            raise UnavailableError(f"loopixmix vote {' '.join(self.failing)} failed")
        return self._answer(line)

    def _answer(self, line: tuple[str, ...]) -> str:
        match line[:2]:
            case ("admin", "init"):
                make_directory(Path(line[2]))
                return f"{self._identity()}\nfill in the plan"
            case ("admin", "freeze"):
                return "frozen\nAAAAA-BBBBB\n"
            case ("trustee", "init"):
                make_directory(Path(line[2]))
                return json.dumps(trustee_card(self._rng, line[4]))
            case ("credentials", "draw"):
                return json.dumps({"voters": 2, "credential_root": "11" * 32, "salt": "22" * 16})
            case ("credentials", "invitations"):
                letter = Invitation(bytes(32), 0, ()).encode()
                rows = [f"{number},Voter {number},CODE-{number},{letter}" for number in (1, 2)]
                Path(line[3]).write_text("\n".join(["id,name,code,invitation", *rows, ""]))
            case (_, "init"):
                return json.dumps({"name": line[line.index("--name") + 1], "identity": self._identity()})
        return ""

    def _identity(self) -> str:
        return PartyKey.generate(self._rng).identity.hex()

    def kill(self) -> None:
        """Nothing runs."""

    def names(self) -> list[str]:
        return [" ".join(line[:2]) for line in self.lines]
