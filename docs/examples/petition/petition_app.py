"""An application: signs the petition with a token that was ordered ahead.

python -m petition_app ann order provider-1 CODE
python -m petition_app ann sign "More trees"
python -m petition_app ann read
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import msgspec
from petition_service import PURPOSE, Read, Sign, Signed
from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from client.api import Client, LoopixmixError
from client.remote import remote_client

TIMEOUT_S = 60.0


class Signer:
    """Uses the petition through any `Client`: the daemon's, or a fake one in a test."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def order(self, issuer: str, code: str) -> None:
        """Order one token, for a code of the issuer's; it comes by itself, some time later."""
        await self.client.fetch_tokens(issuer, PURPOSE, 1, credential=code)

    async def sign(self, comment: str) -> None:
        """Sign, anonymously. Raises `NoTokenError` until a token has come and rested."""
        token = await self.client.take_token(PURPOSE)
        request = Sign(token, comment)
        await self.client.request("petition", msgspec.msgpack.encode(request), timeout_s=TIMEOUT_S)

    async def read(self) -> Signed:
        """Return the text and the comments."""
        answer = await self.client.request("petition", msgspec.msgpack.encode(Read()), timeout_s=TIMEOUT_S)
        return msgspec.msgpack.decode(answer, type=Signed)


async def act(reactor: ReactorBase, directory: str = "", word: str = "", *rest: str) -> None:
    """Do what the command line says."""
    signer = Signer(remote_client(Path(directory), reactor=reactor, rng=random.SystemRandom()))
    match [word, *rest]:
        case ["order", issuer, code]:
            await signer.order(issuer, code)
        case ["sign", comment]:
            await signer.sign(comment)
        case ["read"]:
            signed = await signer.read()
            print(signed.text, *signed.comments, sep="\n")
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
