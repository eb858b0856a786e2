"""The wallet of a fake client: what is ordered comes a while later, signed by the issuer that the test has named."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from client._fake.post import PostOffice
from client.api import ConflictError, NoTokenError, TokenStock, UnknownServiceError
from client.core.arguments import check_token_key, check_token_order
from loopixmix.tokens import TokenKey, begin_token, encode_token, finish_token

FETCHED_AND_RESTED_S = 2700.0
"""The mean of what a real wallet takes until a token may be spent."""


@dataclass(frozen=True)
class _Order:
    issuer: str
    purpose: str
    pinned: TokenKey | None
    usable_at_s: float


class FakeWallet:
    """The tokens of one fake client. Every credential is as good as another."""

    def __init__(self, network: PostOffice) -> None:
        """`network`: has the issuers, and the clock."""
        self._network = network
        self._orders: list[_Order] = []
        self._taken: dict[str, tuple[str, bytes]] = {}

    def fetch(self, issuer: str, purpose: str, count: int, *, credential: str, key: bytes) -> None:
        """Order tokens."""
        pinned = check_token_order(issuer, purpose, count, credential=credential, key=key)
        if not self._network.has_issuer(issuer) or (pinned is None and self._network.issuer(issuer, purpose) is None):
            raise UnknownServiceError(f"{issuer} issues no tokens for {purpose}")
        usable_at_s = self._network.clock.seconds() + FETCHED_AND_RESTED_S
        self._orders += [_Order(issuer, purpose, pinned, usable_at_s)] * count

    def stock(self) -> list[TokenStock]:
        """Return how many tokens may be spent, and how many are still to come."""
        now_s = self._network.clock.seconds()
        usable = Counter(order.purpose for order in self._orders if order.usable_at_s <= now_s)
        ordered = Counter(order.purpose for order in self._orders if order.usable_at_s > now_s)
        return [
            TokenStock(purpose=purpose, usable=usable[purpose], resting=0, ordered=ordered[purpose])
            for purpose in sorted({*usable, *ordered})
        ]

    def take(self, purpose: str, key: str) -> bytes:
        """Return a token, by the same key the same one."""
        check_token_key(key)
        if key not in self._taken:
            token = self._take(purpose)
            if not key:
                return token
            self._taken[key] = purpose, token
        for_purpose, token = self._taken[key]
        if for_purpose != purpose:
            raise ConflictError("that idempotency key was used for a token for another purpose")
        return token

    def _take(self, purpose: str) -> bytes:
        now_s = self._network.clock.seconds()
        for order in self._orders:
            if order.purpose == purpose and order.usable_at_s <= now_s:
                found = self._network.issuer(order.issuer, purpose, order.pinned)
                if found is not None and found.key.holds_at(now_s):
                    self._orders.remove(order)
                    pending = begin_token(found.key, self._network.rng)
                    return encode_token(finish_token(pending, found.signer.sign_many([pending.blinded])[0]))
        raise NoTokenError(f"there is no token for {purpose} that may be spent now: order some ahead")
