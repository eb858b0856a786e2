"""An application: signs and reads the guest book, and tells friends of it.

python guestbook_app.py alice sign "I was here"
python guestbook_app.py alice invite bob@provider-2
python guestbook_app.py bob listen
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from client.api import Client, ReceivedMessage, Verified
from client.remote import remote_client

KIND = "guestbook/invitation"
TIMEOUT_S = 60.0


class Visitor:
    """Uses the guest book through any `Client`: the daemon's, or a fake one in a test."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def sign(self, line: str) -> None:
        """Add a line, anonymously."""
        await self.client.request("guestbook", b"sign " + line.encode(), timeout_s=TIMEOUT_S)

    async def read(self) -> list[str]:
        """Return the last lines."""
        answer = await self.client.request("guestbook", b"read", timeout_s=TIMEOUT_S)
        return answer.decode().splitlines()

    async def invite(self, friend: str) -> None:
        """Tell a friend, once: the idempotency key makes a repeated call harmless."""
        await self.client.add_contact(friend)
        await self.client.send(friend, b"Come and sign!", kind=KIND, idempotency_key=f"invite {friend}")

    def accept_invitations(self) -> None:
        """Sign the book for each invitation, also for those that came while no program listened."""

        async def accept(message: ReceivedMessage) -> None:
            if message.verified is not Verified.UNKNOWN:
                await self.sign(f"invited by {message.sender}")

        self.client.on_received(KIND, accept)


async def main(reactor: ReactorBase, directory: str, word: str, *rest: str) -> None:
    """Do what the command line says."""
    visitor = Visitor(remote_client(Path(directory), reactor=reactor, rng=random.SystemRandom()))
    match [word, *rest]:
        case ["sign", line]:
            await visitor.sign(line)
        case ["read"]:
            print(*await visitor.read(), sep="\n")
        case ["invite", friend]:
            await visitor.invite(friend)
        case ["listen"]:
            visitor.accept_invitations()
            await Deferred()
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
