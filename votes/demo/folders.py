"""Where the demonstration puts things: a folder for each party, as if each were a machine of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TRUSTEES = ("Irma", "Jonas", "Kofi")
THRESHOLD = 2
MIXERS = ("North", "South")
CHEATING_MIXER = 0
BAD_TRUSTEE = 2
"""Its number, from 1."""


@dataclass(frozen=True)
class DemoFolders:
    """All folders, in the folder `root`."""

    root: Path

    @property
    def network(self) -> Path:
        """The test network."""
        return self.root / "net"

    @property
    def board(self) -> Path:
        """The board, in the directory of its program."""
        return self.network / "board" / "election"

    @property
    def administrator(self) -> Path:
        """The administrator."""
        return self.root / "administrator"

    @property
    def registry(self) -> Path:
        """The credential authority."""
        return self.root / "registry"

    @property
    def meeting(self) -> Path:
        """Where the trustees meet."""
        return self.root / "meeting"

    @property
    def voters(self) -> Path:
        """The file of voters."""
        return self.root / "voters.csv"

    @property
    def invitations(self) -> Path:
        """The file of invitations, from which voters are written to."""
        return self.root / "invitations.csv"

    def client(self, voter: int) -> Path:
        """The client of a voter, from 1."""
        return self.network / "voters" / f"{voter:04}"

    def trustee(self, number: int) -> Path:
        """A trustee, from 1."""
        return self.root / f"trustee-{number}"

    def mixer(self, number: int) -> Path:
        """A mixer, from 0."""
        return self.root / f"mixer-{number}"

    def published(self, who: str) -> Path:
        """What somebody loaded of the published election."""
        return self.root / f"published-{who}"

    def out(self, who: str) -> Path:
        """What somebody made for the board."""
        return self.root / f"out-{who}"
