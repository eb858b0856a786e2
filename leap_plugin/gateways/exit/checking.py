"""Whether an order is a mail in the anonymous form, byte for byte, and the mail that leaves instead.

The bytes of the sender never leave. They are read strictly and made anew, and refused unless that gives the very same
bytes: so nothing can be in a header line, a boundary or between parts that the form does not know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from random import Random

from leap_plugin.mail.addresses import AddressError
from leap_plugin.mail.canonical import UnsuitableMailError, canonical_form
from leap_plugin.mail.envelope import MailTooLongError
from leap_plugin.mail.parsing import MailPart, MalformedMailError, parse_mail
from leap_plugin.mail.recipients import MOST_RECIPIENTS
from loopixmix.errors import MisuseError

_OWN_ID = re.compile(r"<[0-9a-f]{32}@mix\.invalid>")
_ANY_ID = re.compile(r"<[^<>\s@]{1,500}@[^<>\s@]{1,500}>")
_BOUNDARY = re.compile(r"[0-9a-f]{32}")
_CONTROL = re.compile(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]")
_LONGEST_LINE = 998


class NotCanonicalError(MisuseError):
    """The mail of an order is not in the anonymous form."""


@dataclass(frozen=True)
class CheckedMail:
    """A mail in the anonymous form. `part`: taken apart. `ids`: its Message-IDs, each for itself, so that they stay."""

    message: bytes
    part: MailPart
    ids: Mapping[str, str]
    needs_smtputf8: bool
    is_encrypted: bool


class _Drawn(Random):
    """Draws the boundary that the mail has, so that it can be made once more."""

    def __init__(self, boundary: str) -> None:
        super().__init__(0)
        self._boundary = bytes.fromhex(boundary)

    def randbytes(self, n: int) -> bytes:  # noqa: ARG002 (all draws have one length)
        """Return the boundary, whatever it is for: the Message-ID is not drawn."""
        return self._boundary


def check_canonical(mail: bytes) -> CheckedMail:
    """Return what an order's mail says of itself; raise `NotCanonicalError` if it is not in the anonymous form."""
    try:
        part = parse_mail(mail)
        own = part.header("Message-ID") or ""
        if not _OWN_ID.fullmatch(own):
            raise NotCanonicalError("its Message-ID is not a random one of the mix network")
        found = [own, *_ids_in(part, "In-Reply-To"), *_ids_in(part, "References")]
        ids = {one: one for one in found}
        sender, date_s = part.header("From") or "", parsedate_to_datetime(part.header("Date") or "").timestamp()
        again = canonical_form(part, sender=sender, ids=ids, now_s=date_s, rng=_Drawn(_boundary(part)))
    except (
        MalformedMailError,
        MailTooLongError,
        UnsuitableMailError,
        AddressError,
        ArithmeticError,
        ValueError,
        TypeError,
    ) as error:
        # The reason goes back to the sender, who wrote it; a line of the mail itself is not in it.
        raise NotCanonicalError(f"it is not in the anonymous form: {error}"[:200]) from error
    if again.message != mail:
        raise NotCanonicalError("it is not in the anonymous form: made anew, its bytes are others")
    _check_lines(mail, again.needs_smtputf8)
    if len(recipients_shown(part)) > MOST_RECIPIENTS:
        raise NotCanonicalError(f"it shows more than {MOST_RECIPIENTS} recipients")
    return CheckedMail(mail, part, ids, again.needs_smtputf8, part.content_type == "multipart/encrypted")


def recipients_shown(part: MailPart) -> list[str]:
    """Return the addresses in To and Cc."""
    found = []
    for name in ("To", "Cc"):
        header = part.structured(name)
        found += [] if header is None else [address.addr_spec for address in header.addresses]
    return found


def _ids_in(part: MailPart, name: str) -> list[str]:
    return _ANY_ID.findall(part.header(name) or "")


def _boundary(part: MailPart) -> str:
    boundary = part.parameters.get("boundary", "0" * 32)
    if not _BOUNDARY.fullmatch(boundary):
        raise NotCanonicalError("its boundary is not a random one")
    return boundary


def _check_lines(mail: bytes, needs_smtputf8: bool) -> None:
    head, _, body = mail.partition(b"\r\n\r\n")
    if _CONTROL.search(mail) or not body.isascii():
        raise NotCanonicalError("it has characters that no mail in this form has")
    if not needs_smtputf8 and not head.isascii():
        raise NotCanonicalError("a header line is beyond ASCII, although no address is")
    if max(map(len, mail.split(b"\r\n"))) > _LONGEST_LINE:
        raise NotCanonicalError(f"a line is longer than {_LONGEST_LINE} characters")
