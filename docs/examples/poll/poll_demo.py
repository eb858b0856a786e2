"""A demonstration: a whole network on this machine, and three voters without a name."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from poll_app import Voter
from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from client.remote import remote_client
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import Additions, PlannedClient, PlannedService, TestnetPlan

SETTINGS: dict[str, str | int | float | bool | list[str]] = {
    "question": "What shall we build?",
    "options": ["A playground", "More trees"],
}
VOTES = {"ann": "More trees", "ben": "A playground", "cem": "More trees"}


def additions(plan: TestnetPlan) -> Additions:
    """Return what the poll needs of a test network: a provider that hosts it, and voters at any provider."""
    voters = [PlannedClient(name, provider=1 + n % plan.providers, guest=True) for n, name in enumerate(VOTES)]
    return Additions(services=(PlannedService("poll", settings=SETTINGS),), clients=tuple(voters))


async def vote(reactor: ReactorBase, network: TestNetwork) -> None:
    """Let everybody vote, and print the result."""
    clients = [remote_client(network.directory / name, reactor=reactor, rng=random.SystemRandom()) for name in VOTES]
    for client, option in zip(clients, VOTES.values(), strict=True):
        await Voter(client).vote(option)
    print(await Voter(clients[0]).result())
    for client in clients:
        client.close()


def main(plan: TestnetPlan | None = None) -> None:
    """Make the network in a temporary directory, use it, and stop it."""
    plan = plan or TestnetPlan()
    with tempfile.TemporaryDirectory() as directory:
        network = TestNetwork.create(Path(directory) / "net", plan.with_additions(additions(plan)))
        with network.running():
            react(lambda reactor: Deferred.fromCoroutine(vote(reactor, network)))


if __name__ == "__main__":
    main()
