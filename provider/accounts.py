"""Who may have an account: registration modes, invitation codes and rate limits.

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
from loopixmix.requests import check_name
from loopixmix.seams import NodeId, Rng
from loopixmix.wire import RegisterRefusal

INVITATION_RANDOM_BYTES = 15
_INVITATION_DOMAIN = b"loopixmix/invitation/v1:"
_GROUP_LETTERS = 6


class RegistrationMode(enum.StrEnum):
    """Who may register: everybody, who has an invitation code, or nobody."""

    OPEN = "open"
    INVITATION = "invitation"
    CLOSED = "closed"


class RegistrationRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an operator lets clients register.

    A link may try `link_rate_per_s` times with `link_burst` at once; all links together `rate_per_s` and `burst`.
    """

    mode: RegistrationMode = RegistrationMode.INVITATION
    max_accounts: Annotated[int, msgspec.Meta(ge=1)] = 100_000
    link_rate_per_s: Annotated[float, msgspec.Meta(gt=0)] = 0.1
    link_burst: Annotated[int, msgspec.Meta(ge=1)] = 5
    rate_per_s: Annotated[float, msgspec.Meta(gt=0)] = 5.0
    burst: Annotated[int, msgspec.Meta(ge=1)] = 50


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the store knows about an application for an account."""

    name_of_key: str | None
    name_is_free: bool
    invitation_holds: bool
    accounts: int


def decide_registration(name: str, facts: AccountFacts, rules: RegistrationRules) -> RegisterRefusal | None:
    """Return why `name` cannot be registered, or None where it can or already is, by the same key.

    Whether a name is taken is told only to who may register at all.
    """
    if facts.name_of_key == name:
        return None
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
    """Return what is kept of a code. It has 120 random bits, so that a plain hash cannot be searched."""
    letters = "".join(code.split()).replace("-", "").upper()
    return hashlib.sha256(_INVITATION_DOMAIN + letters.encode()).digest()


class RegistrationLimits:
    """Counts attempts to register, by link and in all."""

    def __init__(self, rules: RegistrationRules, now_s: float, *, max_links: int = 10_000) -> None:
        """Begin with full buckets; at most `max_links` links are remembered, the idlest is forgotten first."""
        self._overall = TokenBucket(rules.rate_per_s, rules.burst, now_s)
        self._links: BucketsByKey[NodeId] = BucketsByKey(rules.link_rate_per_s, rules.link_burst, capacity=max_links)

    def admit(self, link: NodeId, now_s: float) -> bool:
        """Tell whether `link` may try now; a link over its own limit takes nothing from the others."""
        return self._links.take(link, now_s) and self._overall.take(now_s)
