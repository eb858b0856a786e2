"""What leaves of a mail, and how: its policy, and the bytes for each kind of recipient. Pure."""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from client.api import MAX_BODY_BYTES
from leap_plugin.mail.canonical import ANONYMOUS, canonicalise
from leap_plugin.mail.heads import lines_of, without_lines
from leap_plugin.mail.recipients import without_bcc
from leap_plugin.mail.splitting import bodies_of
from loopixmix.errors import MisuseError

POLICY_HEADER = "X-Mix-Policy"
DAY_S = 86_400.0
FIRST_FRAGMENT_BYTES = 256
"""So much of the first fragment tells of the message: its sender, its kind, its signature."""

_MESSAGE_ID = re.compile(r"<[^<>\s]{1,998}>")


class PolicyError(MisuseError):
    """The mail does not say clearly how it is to be sent."""


class MixPolicy(enum.StrEnum):
    """How a mail is sent: by name, byte for byte, or anonymously, rebuilt."""

    NAMED = "named"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True)
class LeavingForms:
    """What leaves of a mail.

    `named`: for contacts, byte for byte but for Bcc and policy. `canonical`: rebuilt, for what leaves anonymously or to
    the outside. `ids`: which Message-ID leaves instead of the author's.
    """

    named: bytes = field(repr=False)
    canonical: bytes | None = field(default=None, repr=False)
    ids: Mapping[str, str] = field(default_factory=dict, repr=False)

    def leaving(self, *, anonymous: bool, is_outside: bool) -> bytes:
        """Return what leaves to a recipient."""
        return self.canonical if self.canonical is not None and (anonymous or is_outside) else self.named


def policy_of(mail: bytes, *, folder: MixPolicy | None = None) -> MixPolicy:
    """Return the policy of a mail: what its header line says, or the folder that it was put into; otherwise by name.

    Raises `PolicyError` if the line says something else, or contradicts the folder that sends anonymously: to choose
    one of them would be a guess.
    """
    said = {line.lower() for line in lines_of(mail, POLICY_HEADER)}
    if not said:
        return folder or MixPolicy.NAMED
    if said not in ({MixPolicy.NAMED.value}, {MixPolicy.ANONYMOUS.value}):
        raise PolicyError(f"{POLICY_HEADER} is {MixPolicy.NAMED} or {MixPolicy.ANONYMOUS}, once")
    policy = MixPolicy(said.pop())
    if folder is MixPolicy.ANONYMOUS and policy is not folder:
        raise PolicyError(f"{POLICY_HEADER} says {policy}, and the folder says {folder}: let them say the same")
    return policy


def mentioned_ids(mail: bytes) -> frozenset[str]:
    """Return the Message-IDs in a mail's own lines about its thread."""
    lines = [line for name in ("Message-ID", "In-Reply-To", "References") for line in lines_of(mail, name)]
    return frozenset(found for line in lines for found in _MESSAGE_ID.findall(line))


def named_form(mail: bytes) -> bytes:
    """Return what a contact gets of a mail: every byte, but for Bcc and the line with the policy."""
    return without_lines(without_bcc(mail), POLICY_HEADER)


def canonical_form(
    mail: bytes, policy: MixPolicy, *, author: str, ids: Mapping[str, str], now_s: float, rng: Random
) -> tuple[bytes, Mapping[str, str]]:
    """Return what leaves anonymously or to the outside, and the author's Message-ID with the one that leaves instead.

    `author`: the mail address that is shown to the outside if the mail is sent by name. `ids`: of earlier mails. Raises
    as `leap_plugin.mail.canonical.canonicalise`.
    """
    sender = ANONYMOUS if policy is MixPolicy.ANONYMOUS else author
    made = canonicalise(without_lines(mail, POLICY_HEADER), sender=sender, ids=ids, now_s=now_s, rng=rng)
    return made.message, made.ids


def bodies_for(mail: bytes, *, queue_id: str, position: int, to: str = "", token: bytes = b"") -> tuple[bytes, ...]:
    """Return the bodies of the messages that bring a mail to the recipient at `position`; the same in each call.

    `to`, `token`: for a gateway. After a crash the client must see the same bytes under the same idempotency key, so
    that the id which pieces share is derived from the random `queue_id` rather than drawn again.
    """
    seed = hashlib.sha256(f"{queue_id}/{position}".encode()).digest()
    return bodies_of(mail, _Derived(seed), to=to, token=token)


def idempotency_key(queue_id: str, position: int, piece: int) -> str:
    """Return by which key the client knows a piece of a mail to the recipient at `position`."""
    return f"mail/{queue_id}/{position}/{piece}"


def fragments_in(body_bytes: int, fragment_bytes: int) -> int:
    """Return of how many fragments a message is, about; 1 if it is not known how many bytes one carries."""
    return 1 if fragment_bytes < 1 else -(-(body_bytes + FIRST_FRAGMENT_BYTES) // fragment_bytes)


def fragments_of_mail(length_bytes: int, fragment_bytes: int) -> int:
    """Return of how many fragments a mail is whose envelope has that length; it may be in several messages."""
    whole, rest = divmod(length_bytes, MAX_BODY_BYTES)
    return whole * fragments_in(MAX_BODY_BYTES, fragment_bytes) + fragments_in(rest, fragment_bytes)


def longest_mail_bytes(rate_per_s: float, fragment_bytes: int, *, most_bytes: int) -> int:
    """Return the longest mail that leaves within 24 hours at that rate of fragments, at most `most_bytes`.

    It is told in whole KiB, and is one KiB at least: mail programs take no limit at all for none.
    """
    within_a_day = int(rate_per_s * fragment_bytes * DAY_S)
    return min(max(within_a_day // 1024, 1) * 1024, most_bytes)


class _Derived(Random):
    """Gives the bytes of a seed, for a call that wants some drawn."""

    def __init__(self, seed: bytes) -> None:
        super().__init__(0)
        self._seed = seed

    def randbytes(self, n: int) -> bytes:
        return hashlib.shake_256(self._seed).digest(n)
