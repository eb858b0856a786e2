"""The mail as it leaves: made by the gateway from a mail that was checked.

    From: anonymous@DOMAIN                      or the sender's address at this domain
    Reply-To: reply-WORD@DOMAIN                 if there is a way back
    List-Unsubscribe: <https://.../stop/...>    the opt-out (RFC 2369), with one click (RFC 8058)

It is never signed by DKIM: a signature would let whoever gets it prove to all others, years later, that it was sent.
"""

from __future__ import annotations

import re
from base64 import b64decode, encodebytes
from dataclasses import dataclass
from random import Random

from leap_plugin.gateways.exit.checking import CheckedMail
from leap_plugin.mail.canonical import canonical_form

_TEXT_HEAD = b"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/=]+\r\n)*")


@dataclass(frozen=True)
class Departure:
    """What a gateway adds. `sender`: the From; `reply_to`: another address to answer to, empty for none.

    `opt_out`: the link for this recipient. `footer`: put under the text, so that a recipient who sees no header lines
    has it too; empty for none.
    """

    sender: str
    reply_to: str
    opt_out: str
    footer: str = ""


def depart(mail: CheckedMail, departure: Departure, *, now_s: float, rng: Random) -> bytes:
    """Return the bytes that leave. `rng` draws the boundary; the Message-ID stays, so that threads hold."""
    # Not taken apart once more: that takes longer than all else that is done for a mail.
    made = canonical_form(mail.part, sender=departure.sender, ids=mail.ids, now_s=now_s, rng=rng).message
    if departure.footer and not mail.is_encrypted:
        made = _with_footer(made, departure.footer)
    first, _, rest = made.partition(b"\r\n")
    added = [f"Reply-To: {departure.reply_to}"] if departure.reply_to else []
    added += [f"List-Unsubscribe: <{departure.opt_out}>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"]
    return b"\r\n".join([first, *(line.encode() for line in added), rest])


def footer_of(domain: str, link: str, *, is_named: bool) -> str:
    """Return what is put under a text: the mark of a signature, then where it comes from, and how to stop it.

    `is_named`: whether the mail leaves from its author's own address.
    """
    author = "" if is_named else " The gateway does not know\nwho wrote it."
    return (
        f"\n-- \nThis mail came to the mail gateway of {domain} through a mix network.{author}\n"
        f"If you want no more such mail: {link}\n"
    )


def _with_footer(message: bytes, footer: str) -> bytes:
    """Put a text under the text of a mail in the anonymous form: it is in the first part, in base64."""
    begin = message.index(_TEXT_HEAD) + len(_TEXT_HEAD)
    found = _BASE64.match(message, begin)
    end = begin if found is None else found.end()
    text = b64decode(message[begin:end]) + footer.replace("\n", "\r\n").encode()
    return message[:begin] + encodebytes(text).replace(b"\n", b"\r\n") + message[end:]
