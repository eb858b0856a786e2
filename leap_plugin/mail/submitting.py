"""How a program hands over a mail that it wants to send, and how that is refused.

`Submissions` is what the SMTP server, the Outbox folder and LEAP's adapters see of the queue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from loopixmix.errors import MisuseError


class SubmissionRefusedError(MisuseError):
    """The mail, or one of its recipients, is not taken.

    `code` and `status` are those of SMTP (RFC 5321, 4.2) and RFC 3463, such as 455 and `4.7.5`. A code from 400 to 499
    says that a later attempt may succeed. The message is one line for the author.
    """

    def __init__(self, code: int, status: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True, kw_only=True)
class RcptTo:
    """Whom a mail goes to, and when its author wants to be told of it.

    `address`: as in RCPT, such as `bob@provider-1.mix.invalid`. `notify`: NOTIFY of RFC 3461 in upper case, such as
    `{"SUCCESS", "FAILURE"}`; empty if it was not given. `original`: ORCPT of the same, decoded; empty without.
    """

    address: str
    notify: frozenset[str] = frozenset()
    original: str = ""


@dataclass(frozen=True, kw_only=True)
class SubmittedMail:
    """A mail as it was handed over. `sender`: MAIL FROM, empty for the null sender; `mail`: its bytes with CRLF.

    `envelope_id`: ENVID of RFC 3461. `returns_all`: whether a report returns the whole mail (RET=FULL) or its head.
    """

    sender: str
    recipients: tuple[RcptTo, ...]
    mail: bytes = field(repr=False)
    envelope_id: str = ""
    returns_all: bool = False


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """What a submission server tells before a mail comes. `size_bytes`: the longest mail that is taken now.

    `text`: one line about the network and how long a mail takes at the present rates.
    """

    size_bytes: int
    text: str


class Submissions(Protocol):
    """The queue of one mail account."""

    def announcement(self) -> Announcement:
        """Return what is told now; it is kept up to date in the background, so that nobody waits for it."""

    async def check_recipient(self, address: str, size_bytes: int | None) -> None:
        """Return if a mail to `address` would be taken; raise `SubmissionRefusedError`.

        An address of the network that is not known yet is looked up through the network, for 60 s at most.
        `size_bytes`: what MAIL FROM said of the size (RFC 1870), if it did.
        """

    async def submit(self, submitted: SubmittedMail) -> str:
        """Return the id of the mail in the queue once it is durably there; raise `SubmissionRefusedError`."""
