"""A client's wallet on a clock that a test moves, and an issuer that answers as the test says."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from client.api import NoTokenError, TokenStock
from client.asking.tokens import TokenWallet
from client.core.settings import TokenWaits
from loopixmix.tokens import Token, TokenKey, encode_token_key
from loopixmix.tokens.exchange import decode_issue_request, split_messages
from tests.worlds.clients.parts import Parts, outcome
from tests.worlds.networks.models import NOW_S
from tests.worlds.tokens import signer_of, token_key

DAY_S = 86_400
MINUTE_S = 60.0
WAITS = TokenWaits()
KEY = token_key(0, begins_s=int(NOW_S) - DAY_S, ends_s=int(NOW_S) + 30 * DAY_S)


class FakeIssuer:
    """Stands in place of requests: what is asked is kept, and answered as a test says."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.key = KEY
        self.number = 0
        self.asked: list[tuple[str, bytes]] = []
        self.at_s: list[float] = []
        self.answer: Callable[[bytes], Deferred[bytes]] = lambda body: succeed(self.sign(body))

    async def ask(self, service: str, body: bytes, *, timeout_s: float) -> bytes:
        self.asked.append((service, body))
        self.at_s.append(self.now())
        return await self.answer(body)

    def sign(self, body: bytes) -> bytes:
        request = decode_issue_request(body)
        assert request.key_id == self.key.key_id
        return b"".join(signer_of(self.number).sign_many(split_messages(request.messages, self.key)))

    def fail(self, error: Exception) -> None:
        def answer(body: bytes) -> Deferred[bytes]:
            raise error

        self.answer = answer

    def be_silent(self) -> None:
        self.answer = lambda body: Deferred()

    def work(self) -> None:
        self.answer = lambda body: succeed(self.sign(body))


class WalletWorld(Parts):
    """A client whose network has an issuer of tokens for guests at provider2."""

    def __init__(self, waits: TokenWaits = WAITS, **changes: int) -> None:
        super().__init__(**changes)
        self.waits = waits
        self.issuer = FakeIssuer(lambda: self.now_s)
        self.publish(KEY)
        self.go_online()
        self.wallet = self.new_wallet()

    def new_wallet(self) -> TokenWallet:
        return TokenWallet(
            session=self.session,
            requests=self.issuer,
            access=self.access,
            waits=self.waits,
            clock=self.clock,
            rng=self.rng,
        )

    def publish(self, *keys: TokenKey) -> None:
        encoded = tuple(encode_token_key(key) for key in keys)
        nodes = tuple(
            msgspec.structs.replace(node, token_keys=encoded) if node.name == "provider2" else node
            for node in self.document.nodes
        )
        # Valid for as long as tests let pass: tokens rest for hours, and the network must agree about the time.
        self.document = msgspec.structs.replace(
            self.document, nodes=nodes, valid_until_s=self.document.valid_from_s + 400 * DAY_S
        )
        self.session.adopt(self.document)

    def fetch(self, count: int = 1, purpose: str = "guest", *, issuer: str = "provider2", **more: object) -> None:
        fetching = self.wallet.fetch(issuer, purpose, count, credential="code", **more)
        result = outcome(Deferred.fromCoroutine(fetching))
        if isinstance(result, Failure):
            result.raiseException()

    def take(self, purpose: str = "guest", *, key: str = "") -> Token:
        result = outcome(Deferred.fromCoroutine(self.wallet.take(purpose, key=key)))
        if isinstance(result, Failure):
            result.raiseException()
        return result

    def stock(self) -> list[TokenStock]:
        result = outcome(Deferred.fromCoroutine(self.wallet.stock()))
        assert not isinstance(result, Failure)
        return result

    def run(self, seconds: float) -> None:
        """Let time pass, with a round each minute."""
        for _ in range(int(seconds / MINUTE_S)):
            self.clock.advance(MINUTE_S)
            self.wallet.work()

    def wait_for_token_s(self) -> float:
        """Wait until a token may be spent, and return how long that was."""
        begin_s = self.now_s
        while True:
            try:
                self.take()
            except NoTokenError:
                self.clock.advance(MINUTE_S)
            else:
                return self.now_s - begin_s
