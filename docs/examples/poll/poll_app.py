"""An application: votes in the poll, reads the result, and tells friends of it.

python poll_app.py alice question
python poll_app.py alice vote "More trees"
python poll_app.py alice invite bob@provider-2
python poll_app.py bob listen
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path

from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from client.api import Client, LoopixmixError, ReceivedMessage, Verified
from client.remote import remote_client

KIND = "poll/invitation"
TIMEOUT_S = 60.0


class Voter:
    """Uses the poll through any `Client`: the daemon's, or a fake one in a test."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def question(self) -> tuple[str, list[str]]:
        """Return the question and its options."""
        answer = await self.client.request("poll", b"question", timeout_s=TIMEOUT_S)
        question, *options = answer.decode().splitlines()
        return question, options

    async def vote(self, option: str) -> None:
        """Vote, anonymously."""
        await self.client.request("poll", b"vote " + option.encode(), timeout_s=TIMEOUT_S)

    async def result(self) -> dict[str, int]:
        """Return the votes of each option."""
        answer = await self.client.request("poll", b"result", timeout_s=TIMEOUT_S)
        lines = [line.split(" ", 1) for line in answer.decode().splitlines()]
        return {option: int(votes) for votes, option in lines}

    async def invite(self, friend: str) -> None:
        """Tell a friend, once: the idempotency key makes a repeated call harmless."""
        await self.client.add_contact(friend)
        await self.client.send(friend, b"Come and vote!", kind=KIND, idempotency_key=f"invite {friend}")

    def on_invited(self, tell: Callable[[str], object]) -> None:
        """Tell who invites, also by messages that came while no program listened."""

        def invited(message: ReceivedMessage) -> None:
            if message.verified is not Verified.UNKNOWN:
                tell(f"{message.sender} invites you to vote")

        self.client.on_received(KIND, invited)


async def act(reactor: ReactorBase, directory: str = "", word: str = "", *rest: str) -> None:
    """Do what the command line says."""
    voter = Voter(remote_client(Path(directory), reactor=reactor, rng=random.SystemRandom()))
    match [word, *rest]:
        case ["question"]:
            question, options = await voter.question()
            print(question, *options, sep="\n")
        case ["vote", option]:
            await voter.vote(option)
        case ["result"]:
            for option, votes in (await voter.result()).items():
                print(votes, option)
        case ["invite", friend]:
            await voter.invite(friend)
        case ["listen"]:
            voter.on_invited(print)
            await Deferred()
        case _:
            raise SystemExit(__doc__)


async def main(reactor: ReactorBase, *words: str) -> None:
    """Do what the command line says, or tell in one line why not."""
    try:
        await act(reactor, *words)
    except LoopixmixError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
