"""A demonstration: a whole network on this machine, an issuer of tokens, and three who sign once each."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from petition_app import Signer
from petition_service import PURPOSE
from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from client.api import NoTokenError
from client.remote import remote_client
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import Additions, PlannedClient, PlannedService, TestnetPlan

COMMENTS = {"ann": "For the birds", "ben": "For the shade", "cem": "For the children"}


def additions(plan: TestnetPlan) -> Additions:
    """Return what the petition needs: an issuer and the petition at provider-1, and guests at any provider."""
    services = (
        PlannedService("issuer", settings={"purposes": [PURPOSE]}),
        PlannedService("petition", settings={"text": "We want more trees."}),
    )
    signers = [PlannedClient(name, provider=1 + n % plan.providers, guest=True) for n, name in enumerate(COMMENTS)]
    return Additions(services=services, clients=tuple(signers))


def make_codes(provider: Path, count: int) -> list[str]:
    """Return codes of the issuer at a provider, each good for one token, as its operator makes them."""
    command = ["provider", "token-codes", str(provider), "--tokens", "1", "--count", str(count), "--json"]
    made = subprocess.run([sys.executable, "-P", "-m", "loopixmix.main", *command], check=True, capture_output=True)
    return list(json.loads(made.stdout)["codes"])


async def sign_when_it_may(reactor: ReactorBase, signer: Signer, comment: str) -> None:
    """Sign as soon as the token has come and rested: seconds here, an hour or so on a network that others use."""
    while True:
        try:
            return await signer.sign(comment)
        except NoTokenError:
            waited: Deferred[None] = Deferred()
            reactor.callLater(0.5, waited.callback, None)
            await waited


async def sign_all(reactor: ReactorBase, network: TestNetwork) -> None:
    """Let everybody order a token and sign, and print the petition."""
    codes = make_codes(network.directory / "provider-1", len(COMMENTS))
    clients = [remote_client(network.directory / name, reactor=reactor, rng=random.SystemRandom()) for name in COMMENTS]
    signers = [Signer(client) for client in clients]
    for signer, code in zip(signers, codes, strict=True):
        await signer.order("provider-1", code)
    for signer, comment in zip(signers, COMMENTS.values(), strict=True):
        await sign_when_it_may(reactor, signer, comment)
    signed = await signers[0].read()
    print(signed.text, *sorted(signed.comments), sep="\n")
    for client in clients:
        client.close()


def main(plan: TestnetPlan | None = None) -> None:
    """Make the network in a temporary directory, use it, and stop it."""
    plan = plan or TestnetPlan()
    with tempfile.TemporaryDirectory() as directory:
        network = TestNetwork.create(Path(directory) / "net", plan.with_additions(additions(plan)))
        with network.running():
            react(lambda reactor: Deferred.fromCoroutine(sign_all(reactor, network)))


if __name__ == "__main__":
    main()
