"""To whom a mail goes, and the mail without its Bcc: each recipient gets a copy of its own."""

from __future__ import annotations

from collections.abc import Sequence, Set

from leap_plugin.mail.addresses import AddressError, MailAddress, read_address
from leap_plugin.mail.heads import without_lines
from leap_plugin.mail.parsing import parse_mail
from loopixmix.errors import MisuseError

MOST_RECIPIENTS = 100
"""RFC 5321, 4.5.3.1.8: what a server must take at least."""


class RecipientsError(MisuseError):
    """The mail goes to nobody, or to more than it may."""


def fan_out(rcpt: Sequence[str], domains: Set[str]) -> tuple[MailAddress, ...]:
    """Return to whom a submitted mail goes, each once, in the order of its RCPT commands.

    What To, Cc and Bcc say plays no part: the mail program has decided (RFC 5321, 3.3). `domains`: the mail domains of
    the network. Raises `AddressError`, `RecipientsError`.
    """
    found = tuple(dict.fromkeys(read_address(one, domains) for one in rcpt))
    if not 1 <= len(found) <= MOST_RECIPIENTS:
        raise RecipientsError(f"a mail goes to 1 to {MOST_RECIPIENTS} recipients, not to {len(found)}")
    return found


def named_recipients(mail: bytes) -> tuple[str, ...]:
    """Return the addresses in To, Cc and Bcc, each once, for a mail that comes without RCPT commands.

    Raises `MalformedMailError` if the mail is malformed: then it cannot be known to whom it goes. Raises
    `AddressError` for an entry without an address.
    """
    part = parse_mail(mail)
    found = []
    for name in ("To", "Cc", "Bcc"):
        header = part.structured(name)
        found += [] if header is None else [address.addr_spec for address in header.addresses]
    for address in found:
        if address in ("", "<>"):
            raise AddressError("To, Cc or Bcc has a name without an address")
    return tuple(dict.fromkeys(found))


def without_bcc(mail: bytes) -> bytes:
    """Return a mail without its Bcc lines, also of resent blocks; every other byte stays, of malformed mail too."""
    return without_lines(mail, "Bcc", "Resent-Bcc")
