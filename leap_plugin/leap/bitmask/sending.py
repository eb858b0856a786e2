"""A sender for Bitmask's outgoing mail: what the network reaches goes through the network.

`OutgoingMail.add_sender` appends, and the first sender whose `can_send` is true is used; its own one says yes to every
address. So a `MixSender` has to stand before it.
"""

from __future__ import annotations

import re
from typing import Protocol, TypeAlias, runtime_checkable

from twisted.internet.defer import Deferred
from zope.interface import Interface, implementer

from leap_plugin.leap.bitmask.reach import ReachableAddresses
from leap_plugin.mail.submitting import RcptTo, SubmissionRefusedError, Submissions, SubmittedMail
from loopixmix.errors import LoopixmixError

_BARE_LF = re.compile(rb"(?<!\r)\n")


class ISender(Interface):  # type: ignore[misc]  # zope's interfaces have no types
    """The interface of Bitmask's senders; its own one may be given to `zope.interface.classImplements` as well."""

    def can_send(recipient: str) -> bool:  # type: ignore[empty-body]  # noqa: N805
        """Tell at once whether this sender takes mail to `recipient`."""

    def send(recipient: Recipient, message: str | bytes) -> Deferred[str]:  # type: ignore[empty-body]  # noqa: N805
        """Send the mail; fires with the address, fails with `SendError`."""


class SendError(LoopixmixError):
    """The mail was not taken.

    `code` and `status` are those of SMTP, such as 455 and `4.7.5`; a code from 400 to 499 says that a later attempt may
    succeed.
    """

    def __init__(self, message: str, *, code: int = 451, status: str = "4.3.0") -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@runtime_checkable
class _Destination(Protocol):
    @property
    def addrstr(self) -> str | bytes: ...


@runtime_checkable
class SmtpUser(Protocol):
    """A `twisted.mail.smtp.User`, as far as a sender looks at it."""

    @property
    def dest(self) -> _Destination: ...


Recipient: TypeAlias = str | bytes | SmtpUser


@implementer(ISender)
class MixSender:
    """Hands mail to the queue of one account. It never sends anything directly."""

    def __init__(self, submissions: Submissions, reachable: ReachableAddresses, from_address: str) -> None:
        """`submissions`: the queue. `reachable`: is asked whether a mail goes this way. `from_address`: MAIL FROM."""
        self._submissions = submissions
        self._reachable = reachable
        self._from_address = from_address

    def can_send(self, recipient: Recipient) -> bool:
        """Tell at once, by what was known at the last look, whether the network is the way to `recipient`."""
        try:
            return self._reachable.reaches(address_of(recipient))
        except SendError:
            return False

    def send(self, recipient: Recipient, message: str | bytes) -> Deferred[str]:
        """Queue a mail to one recipient; fires with the address once it is durably queued.

        `message`: the whole mail, encrypted and signed; its lines may end in LF. Fails with `SendError`.
        """
        return Deferred.fromCoroutine(self._send(recipient, message))

    async def _send(self, recipient: Recipient, message: str | bytes) -> str:
        address = address_of(recipient)
        mail = _mail_of(message)
        try:
            await self._submissions.check_recipient(address, len(mail))
            await self._submissions.submit(
                SubmittedMail(sender=self._from_address, recipients=(RcptTo(address=address),), mail=mail)
            )
        except SubmissionRefusedError as error:
            raise SendError(str(error), code=error.code, status=error.status) from error
        except LoopixmixError as error:
            raise SendError(f"the mail could not be queued: {error}") from error
        return address


def address_of(recipient: Recipient) -> str:
    """Return the address of a recipient, in each of the forms that Bitmask hands it over; raises `SendError`."""
    found = recipient.dest.addrstr if isinstance(recipient, SmtpUser) else recipient
    try:
        return found.decode("utf-8") if isinstance(found, bytes) else str(found)
    except UnicodeDecodeError:
        raise SendError("the address of the recipient is not UTF-8", code=553, status="5.1.3") from None


def _mail_of(message: str | bytes) -> bytes:
    # Programs that read a mail with the standard library keep bytes that are not UTF-8 as lone surrogates.
    data = message.encode("utf-8", "surrogateescape") if isinstance(message, str) else message
    # As Bitmask's own sender does on the wire.
    return _BARE_LF.sub(b"\r\n", data)
