"""The right to have an account: registration modes, invitation codes and rate limits.

An account is a name bound to a client's identity key. The decisions are here; the facts they need come from the
store, in the transaction that will hold the result.
"""

from __future__ import annotations

import base64
import enum
import hashlib
from typing import Annotated

import msgspec

from loopixmix.bounds import BucketsByKey, TokenBucket
from loopixmix.errors import FormatError
from loopixmix.requests.names import check_name
from loopixmix.seams import Identity, Rng
from loopixmix.wire import RegisterRefusal

INVITATION_RANDOM_BYTES = 15
_INVITATION_DOMAIN = b"loopixmix/invitation/v1:"
_GROUP_LETTERS = 6


class RegistrationMode(enum.StrEnum):
    """Who may register: everybody, only holders of an invitation code, or nobody."""

    OPEN = "open"
    INVITATION = "invitation"
    CLOSED = "closed"


class RegistrationRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an operator lets clients register.

    One link may try `link_rate_per_s` times per second on average, and `link_burst` times at once; all links together
    `rate_per_s` times per second, and `burst` times at once.
    """

    mode: RegistrationMode = RegistrationMode.INVITATION
    max_accounts: Annotated[int, msgspec.Meta(ge=1)] = 100_000
    link_rate_per_s: Annotated[float, msgspec.Meta(gt=0)] = 0.1
    link_burst: Annotated[int, msgspec.Meta(ge=1)] = 5
    rate_per_s: Annotated[float, msgspec.Meta(gt=0)] = 5.0
    burst: Annotated[int, msgspec.Meta(ge=1)] = 50


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of the store about an application for an account."""

    name_of_key: str | None
    name_is_free: bool
    invitation_holds: bool
    accounts: int


def decide_registration(name: str, facts: AccountFacts, rules: RegistrationRules) -> RegisterRefusal | None:
    """Return why `name` cannot be registered; None if it can be, or if the same key has registered it already.

    Whether a name is taken is told only to clients that may register at all.
    """
    # A client repeats its wish until it hears an answer: the repetition must succeed also when registration has been
    # closed since, or when the invitation is used up by the first one.
    if facts.name_of_key == name:
        return None
    # Before the name is looked at: otherwise anybody could list the users of a closed provider by trying names.
    match rules.mode:
        case RegistrationMode.CLOSED:
            return RegisterRefusal.CLOSED
        case RegistrationMode.INVITATION if not facts.invitation_holds:
            return RegisterRefusal.BAD_INVITATION
    if facts.name_of_key is not None:
        return RegisterRefusal.KEY_TAKEN
    if facts.accounts >= rules.max_accounts:
        return RegisterRefusal.FULL
    return None if facts.name_is_free else RegisterRefusal.NAME_TAKEN


def is_name(name: str) -> bool:
    """Tell whether `name` has the form of an account's name."""
    try:
        check_name(name)
    except FormatError:
        return False
    return True


def make_invitation(rng: Rng) -> str:
    """Make a new invitation code: 120 random bits as `XXXXXX-XXXXXX-XXXXXX-XXXXXX`."""
    letters = base64.b32encode(rng.randbytes(INVITATION_RANDOM_BYTES)).decode()
    return "-".join(letters[i : i + _GROUP_LETTERS] for i in range(0, len(letters), _GROUP_LETTERS))


def hash_invitation(code: str) -> bytes:
    """Return the hash by which the store knows a code, which it does not keep."""
    # A slow hash, as for passwords, would gain nothing: a code has 120 random bits, which no search goes through.
    letters = "".join(code.split()).replace("-", "").upper()
    return hashlib.sha256(_INVITATION_DOMAIN + letters.encode()).digest()


class RegistrationLimits:
    """Counts attempts to register, by link and in all."""

    def __init__(self, rules: RegistrationRules, now_s: float, *, max_links: int = 10_000) -> None:
        """`rules`: the operator's. All buckets are full at first.

        At most `max_links` links are remembered, and the one that was idle longest is forgotten first.
        """
        self._overall = TokenBucket(rules.rate_per_s, rules.burst, now_s)
        self._links: BucketsByKey[Identity] = BucketsByKey(rules.link_rate_per_s, rules.link_burst, capacity=max_links)

    def admit(self, link: Identity, now_s: float) -> bool:
        """Tell whether `link` may try now, and count the attempt if so."""
        # In this order: a link over its own limit must take nothing from the others.
        return self._links.take(link, now_s) and self._overall.take(now_s)
