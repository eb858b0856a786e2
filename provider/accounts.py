"""The right to have an account: registration modes, invitation codes, guests and rate limits.

An account is a name bound to a client's identity key; that of a guest has no name, and ends when it is not used. The
decisions are here; the facts they need come from the store, in the transaction that will hold the result.
"""

from __future__ import annotations

import base64
import enum
import hashlib
from typing import Annotated

import msgspec

from loopixmix.bounds import BucketsByKey, TokenBucket
from loopixmix.cards import DAY_S
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


class GuestMode(enum.StrEnum):
    """Who may open an account without a name: everybody, only those who spend a token, or nobody."""

    OPEN = "open"
    TOKEN = "token"  # noqa: S105 (a word of the configuration)
    CLOSED = "closed"


class RegistrationRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an operator lets clients register.

    One link may try `link_rate_per_s` times per second on average, and `link_burst` times at once; all links together
    `rate_per_s` times per second, and `burst` times at once. Those whose invitation or token counts have as much of
    their own, so that strangers cannot take it away. Guests have an allowance and a bound of their own, so that they
    cannot take away those of named accounts. A guest's account ends after `guest_days` days without use.
    `guest_keys`: the file with the keys whose tokens guests pay with; empty for those of this provider's own issuer.
    """

    mode: RegistrationMode = RegistrationMode.INVITATION
    max_accounts: Annotated[int, msgspec.Meta(ge=1)] = 200_000
    link_rate_per_s: Annotated[float, msgspec.Meta(gt=0)] = 0.1
    link_burst: Annotated[int, msgspec.Meta(ge=1)] = 5
    rate_per_s: Annotated[float, msgspec.Meta(gt=0)] = 5.0
    burst: Annotated[int, msgspec.Meta(ge=1)] = 50
    guests: GuestMode = GuestMode.CLOSED
    max_guests: Annotated[int, msgspec.Meta(ge=1)] = 200_000
    guest_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 30
    guest_rate_per_s: Annotated[float, msgspec.Meta(gt=0)] = 20.0
    guest_burst: Annotated[int, msgspec.Meta(ge=1)] = 500
    guest_keys: str = ""


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


class GuestFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of the store about a wish for an account without a name."""

    has_guest: bool
    has_name: bool
    guests: int


def decide_guest(facts: GuestFacts, rules: RegistrationRules) -> RegisterRefusal | None:
    """Return why there can be no account for a guest; None if there can be, or is one for the same key already."""
    # As for names: the repetition of a wish must succeed whatever has happened since.
    if facts.has_guest:
        return None
    if rules.guests is GuestMode.CLOSED:
        return RegisterRefusal.CLOSED
    if facts.has_name:
        return RegisterRefusal.KEY_TAKEN
    return RegisterRefusal.FULL if facts.guests >= rules.max_guests else None


def day_of_guest(identity: Identity, now_s: float) -> int:
    """Return the day of a guest, each of whom has days that begin at a time of their own.

    The days of all guests together begin evenly over the day. If they began at midnight, the store would have to note
    within a minute that hundreds of thousands are still there.
    """
    return int((now_s - DAY_S * int.from_bytes(identity[:4]) / 2**32) // DAY_S)


def oldest_guest_day_kept(now_s: float, rules: RegistrationRules) -> int:
    """Return the first day on which a guest must have been here for its account to be kept.

    A day more than the operator said: a guest's own days begin up to a day late, and it is noted once in each of them.
    """
    return int(now_s // DAY_S) - rules.guest_days - 1


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


class Wisher(enum.Enum):
    """Who wants an account, as far as the store tells before it is opened."""

    MEMBER = enum.auto()
    """A key that has one already, and did not hear the answer."""
    INVITED = enum.auto()
    """One who brings an invitation or a token that counts."""
    STRANGER = enum.auto()


class RegistrationLimits:
    """Counts attempts to register: by link, and in all of each kind of wishers.

    Each kind has as much as the rules say, so that strangers take nothing from those who were invited.
    """

    def __init__(
        self, rules: RegistrationRules, now_s: float, *, guests: bool = False, max_links: int = 10_000
    ) -> None:
        """`rules`: the operator's; `guests`: whether the attempts of guests are counted. All buckets are full at first.

        At most `max_links` links are remembered, and the one that was idle longest is forgotten first.
        """
        overall = (rules.guest_rate_per_s, rules.guest_burst) if guests else (rules.rate_per_s, rules.burst)
        self._overall = {wisher: TokenBucket(*overall, now_s) for wisher in Wisher}
        self._links: BucketsByKey[Identity] = BucketsByKey(rules.link_rate_per_s, rules.link_burst, capacity=max_links)

    def admit_link(self, link: Identity, now_s: float) -> bool:
        """Tell whether `link` may try now, and count the attempt if so.

        It is asked before `admit`: a link over its own limit must take nothing from the others.
        """
        return self._links.take(link, now_s)

    def admit(self, wisher: Wisher, now_s: float) -> bool:
        """Tell whether one more wisher of this kind may try now, and count the attempt if so."""
        return self._overall[wisher].take(now_s)
