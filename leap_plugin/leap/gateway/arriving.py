"""From the client's inbox into the gateway's store: each mail encrypted to its user at once.

A message lies in the client's inbox until it is encrypted to the user's OpenPGP key and that is on the disk; then the
client forgets it. So nothing in the gateway's own store can be read without the user's key. A mail for a user who has
no key that can be used stays in the client's inbox.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from sqlalchemy import Connection

from client.api import Client, ReceivedMessage, UnknownMessageError, Verified
from leap_plugin.leap.gateway import deliveries, users
from leap_plugin.leap.gateway.deliveries import BoxDelivery, DeliveryState
from leap_plugin.leap.gateway.pieces import whole_mail
from leap_plugin.leap.gateway.reporting import FailedMail, FailureReports
from leap_plugin.leap.gateway.sealing import SealingPlace, sealed_mail
from leap_plugin.leap.gateway.users import MailboxOwner
from leap_plugin.leap.openpgp.certificates import BadCertificateError
from leap_plugin.mail.envelope import EnclosedMail
from leap_plugin.mail.heads import lines_of
from leap_plugin.mail.reports import Submission, may_be_reported
from leap_plugin.mail.splitting import Piece, decode_body
from loopixmix.errors import FormatError, UnavailableError
from loopixmix.seams import Clock
from loopixmix.store.access import StoreAccess

MAIL_KIND = "mail"
READER = "leap"
NO_KEY_RETRY_S = 600.0
COUNT_S = 30.0
MOST_PIECES_OF_A_SENDER, MOST_PIECES = 8, 64
PIECES_PATIENCE_S = 5 * 86_400.0
_MESSAGE_ID = re.compile(r"<[\x21-\x7e]{1,800}>")


class GatewayFullError(UnavailableError):
    """The gateway keeps as many mails as it may; it takes more when Soledad has taken some."""


@dataclass(frozen=True, kw_only=True)
class GatewayLimits:
    """How much is kept: for each user, and of all together."""

    mails_per_user: int = 1000
    bytes_per_user: int = 512 * 1024 * 1024
    bytes: int = 20 * 1024 * 1024 * 1024


class MailArrivals:
    """Takes the mails that the client received."""

    def __init__(
        self,
        client: Client,
        access: StoreAccess,
        reports: FailureReports,
        *,
        limits: GatewayLimits,
        clock: Clock,
        in_thread: SealingPlace,
    ) -> None:
        """`access`: to the gateway's store. `in_thread`: where long mails are encrypted."""
        self._client = client
        self._access = access
        self._reports = reports
        self._limits = limits
        self._clock = clock
        self._in_thread = in_thread
        self._kept = 0
        self._counted_at_s = -COUNT_S
        self.refused = 0
        """Messages that were no mails."""

    async def take(self, message: ReceivedMessage) -> None:
        """Take a message of the kind "mail"; the client offers it again if this raises."""
        try:
            body = decode_body(message.body)
        except FormatError:
            self.refused += 1
            await self._forget((message.number,))
            return
        if isinstance(body, Piece):
            await self._take_piece(message, body)
        else:
            await self._take_mail(message, body, _blob_id(message.message_id.encode()), (message.number,))

    async def tidy(self) -> None:
        """Give up mails of which pieces are missing for too long."""
        # By a clock that is ahead, every mail of which pieces are still coming would be too late.
        if not (await self._client.status()).time_agreed:
            return
        before_s = self._clock.seconds() - PIECES_PATIENCE_S
        await self._give_up(await self._access.read(lambda connection: deliveries.late_pieces(connection, before_s)))

    async def _take_piece(self, message: ReceivedMessage, piece: Piece) -> None:
        sender, now_s = message.sender or "", self._clock.seconds()
        blob_id = _blob_id(sender.encode() + b"\0" + piece.mail_id)
        if await self._was_taken(blob_id, (message.number,)):
            await self._access.write(lambda connection: deliveries.forget_pieces_of(connection, sender, piece.mail_id))
            return

        def note(connection: Connection) -> tuple[list[int], list[int]]:
            found = deliveries.add_piece(connection, message.number, sender, piece.mail_id, now_s)
            most = (MOST_PIECES_OF_A_SENDER, MOST_PIECES)
            return found, deliveries.surplus_pieces(connection, sender, most=most[0], most_of_all=most[1])

        numbers, surplus = await self._access.write(note)
        await self._give_up([number for number in surplus if number not in numbers])
        if len(numbers) < piece.count:
            return
        try:
            whole = await whole_mail(self._client, tuple(numbers))
        except (FormatError, UnknownMessageError):
            self.refused += 1
            await self._give_up(numbers)
            return
        if whole is not None:
            await self._take_mail(message, whole, blob_id, tuple(numbers))
            await self._access.write(lambda connection: deliveries.forget_pieces(connection, numbers))

    async def _give_up(self, numbers: list[int]) -> None:
        if numbers:
            await self._forget(tuple(numbers))
            await self._access.write(lambda connection: deliveries.forget_pieces(connection, numbers))

    async def _take_mail(
        self, message: ReceivedMessage, enclosed: EnclosedMail, blob_id: str, numbers: tuple[int, ...]
    ) -> None:
        address, now_s = enclosed.to.lower(), self._clock.seconds()

        def look(connection: Connection) -> tuple[MailboxOwner | None, tuple[int, int]]:
            return (
                users.find_owner(connection, address),
                deliveries.open_of(connection, address),
            )

        if await self._was_taken(blob_id, numbers):
            return
        owner, (count, length) = await self._access.read(look)
        failed = FailedMail(
            blob_id=blob_id,
            sender=_answered(message, enclosed.mail),
            recipient=address or "nobody",
            message_id=_message_id(enclosed.mail),
            arrived_at_s=now_s,
        )
        if owner is None:
            await self._refuse(failed, numbers, status="5.1.1", reason="there is no user of that address")
            return
        if count >= self._limits.mails_per_user or length + len(enclosed.mail) > self._limits.bytes_per_user:
            await self._refuse(failed, numbers, status="5.2.2", reason="too many mails wait for that user already")
            return
        kept = await self._kept_bytes(now_s)
        if kept + len(enclosed.mail) > self._limits.bytes:
            raise GatewayFullError(f"{kept:,} bytes of mail wait already; the limit is {self._limits.bytes:,}")
        content, problem = await self._sealed(enclosed.mail, owner, now_s)
        delivery = BoxDelivery(
            blob_id=blob_id,
            address=address,
            state=DeliveryState.WAITING if content is not None else DeliveryState.UNSEALED,
            content=content,
            length_bytes=len(enclosed.mail),
            numbers=numbers,
            sender=failed.sender,
            message_id=failed.message_id,
            arrived_at_s=now_s,
            next_at_s=now_s if content is not None else now_s + NO_KEY_RETRY_S,
            problem=problem,
        )
        await self._access.write(lambda connection: deliveries.add_delivery(connection, delivery))
        self._kept += len(enclosed.mail)
        if content is not None:
            await self._forget(numbers)
            await self._access.write(lambda connection: deliveries.forget_numbers(connection, blob_id))

    async def _was_taken(self, blob_id: str, numbers: tuple[int, ...]) -> bool:
        """Tell whether a mail is offered again, because a crash came before the client had noted that it was taken."""

        def look(connection: Connection) -> tuple[bool, bool]:
            return deliveries.is_known(connection, blob_id), deliveries.lies_in_client(connection, blob_id)

        is_known, is_needed = await self._access.read(look)
        if is_known and not is_needed:
            await self._forget(numbers)
        return is_known

    async def _kept_bytes(self, now_s: float) -> int:
        # Added up anew only now and then: of many mails that takes long.
        if now_s >= self._counted_at_s + COUNT_S:
            self._kept = await self._access.read(deliveries.kept_bytes)
            self._counted_at_s = now_s
        return self._kept

    async def _sealed(self, mail: bytes, owner: MailboxOwner, now_s: float) -> tuple[bytes | None, str]:
        try:
            return await sealed_mail(mail, owner, now_s, self._in_thread), ""
        except BadCertificateError as error:
            return None, str(error)

    async def _refuse(self, failed: FailedMail, numbers: tuple[int, ...], *, status: str, reason: str) -> None:
        # Told before it is forgotten: if the program is killed in between, it is told once, by the idempotency key.
        await self._reports.report(failed, status=status, reason=reason)
        await self._forget(numbers)

    async def _forget(self, numbers: tuple[int, ...]) -> None:
        await forget_messages(self._client, numbers)


async def forget_messages(client: Client, numbers: tuple[int, ...]) -> None:
    """Delete messages from a client's inbox; those that are gone already are no error."""
    for number in numbers:
        try:
            await client.delete(number)
        except UnknownMessageError:
            continue


def _blob_id(message: bytes) -> str:
    # The same at each attempt, so that Soledad knows a mail that it has; and it does not tell the network's own id.
    return hashlib.sha256(b"loopixmix/leap/blob/1\0" + message).hexdigest()[:32]


def _message_id(mail: bytes) -> str:
    found = lines_of(mail, "Message-ID")
    return found[0] if len(found) == 1 and _MESSAGE_ID.fullmatch(found[0]) else ""


def _answered(message: ReceivedMessage, mail: bytes) -> str:
    """Return who is told if the mail cannot be delivered: nobody about what programs sent by themselves (RFC 3834)."""
    if not may_be_reported(Submission(mail, message.sender or message.reply_to, message.received_at_s)):
        return ""
    if message.sender is None:
        return message.reply_to
    # An impostor is shown by the key, and has no address.
    is_impostor = message.verified is Verified.UNKNOWN and message.sender.startswith("key:")
    return "" if is_impostor else message.sender
