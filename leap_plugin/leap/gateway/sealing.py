"""A mail as it lies in an Incoming Box: encrypted to its user, off the reactor if it is long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from leap_plugin.leap.gateway.users import MailboxOwner
from leap_plugin.leap.openpgp.certificates import BadCertificateError, read_certificate
from leap_plugin.leap.openpgp.incoming_box import incoming_document, without_claims

SHORT_BYTES = 128 * 1024
"""A shorter mail is encrypted in about a millisecond: sooner than a thread has it."""

_T = TypeVar("_T")


class SealingPlace(Protocol):
    """Does something beside the reactor."""

    def __call__(self, work: Callable[[], _T], /) -> Awaitable[_T]:
        """Return what the work returns."""


async def sealed_mail(mail: bytes, owner: MailboxOwner, now_s: float, in_thread: SealingPlace) -> bytes:
    """Return a mail encrypted to its user; raises `BadCertificateError` if the user has no key that can be used."""
    if owner.certificate is None:
        raise BadCertificateError("the user has no key")
    certificate = read_certificate(owner.certificate, owner.address, now_s)

    def seal() -> bytes:
        return certificate.encrypt(incoming_document(without_claims(mail)), now_s)

    return seal() if len(mail) <= SHORT_BYTES else await in_thread(seal)
