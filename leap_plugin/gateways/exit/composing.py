"""From an order that was checked to the mail that waits for the relay."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from client.api import ReceivedMessage
from leap_plugin.gateways.abuse.optout import OptOutMarks
from leap_plugin.gateways.exit.departing import Departure, depart, footer_of
from leap_plugin.gateways.exit.encryption import EncryptionError, RecipientKeys, encrypt_mail
from leap_plugin.gateways.exit.rules import CheckedOrder, OrderRefusedError
from leap_plugin.gateways.store.waiting import OutsideMail
from leap_plugin.gateways.store.ways import PREFIX, WayBack, draw_word

ANONYMOUS_NAME = "anonymous"
HOUR_S = 3600.0


@dataclass(frozen=True)
class Composed:
    """A mail for the queue, with the recipient's mark and the way back of its sender, if it has one."""

    mail: OutsideMail
    mark: bytes
    word: str
    way: WayBack | None
    way_expires_s: float


@dataclass(frozen=True)
class WayTimes:
    """How long `reply-WORD` works: by reply blocks, which end by themselves after an epoch or two, and to accounts."""

    anonymous_s: float = 3 * HOUR_S
    account_s: float = 30 * 24 * HOUR_S


class Composing:
    """Makes mails of orders."""

    def __init__(
        self, domain: str, marks: OptOutMarks, keys: RecipientKeys | None, times: WayTimes, *, footer: bool, rng: Random
    ) -> None:
        """`domain`: in the From of anonymous mail. `keys`: OpenPGP keys to encrypt to, None to encrypt nothing.

        `footer`: whether the opt-out link is put under texts too, besides its header line.
        """
        self._domain = domain
        self._marks = marks
        self._keys = keys
        self._times = times
        self._footer = footer
        self._rng = rng

    def compose(self, order: CheckedOrder, message: ReceivedMessage, now_s: float) -> Composed:
        """Return the mail; raise `OrderRefusedError` if it cannot be encrypted to the key that there is."""
        word, way, lasts_s = draw_word(self._rng), self._way(order, message), 0.0
        if way is not None:
            lasts_s = self._times.anonymous_s if message.reply_to else self._times.account_s
        back = f"{PREFIX}{word}@{self._domain}" if way is not None else ""
        sender = order.address or f"{ANONYMOUS_NAME}@{self._domain}"
        link = self._marks.link(order.recipient)
        footer = footer_of(self._domain, link, is_named=bool(order.address)) if self._footer else ""
        outside = depart(order.mail, Departure(sender, back, link, footer), now_s=now_s, rng=self._rng)
        mail = OutsideMail(
            # Bounces go the way of answers. Without one they are refused by the entrance, and end there.
            mail_from=back or sender,
            recipient=order.recipient,
            message=self._encrypted(outside, order),
            needs_smtputf8=order.mail.needs_smtputf8 or not (order.recipient + sender).isascii(),
            report_to=message.reply_to or message.sender or "",
        )
        return Composed(mail, self._marks.mark(order.recipient), word, way, now_s + lasts_s)

    def _way(self, order: CheckedOrder, message: ReceivedMessage) -> WayBack | None:
        if order.address:
            return None
        to = message.reply_to or message.sender or ""
        return WayBack(to=to) if to and not to.startswith("key:") else None

    def _encrypted(self, outside: bytes, order: CheckedOrder) -> bytes:
        if self._keys is None or order.mail.is_encrypted:
            return outside
        try:
            key = self._keys.find(order.recipient)
            return outside if key is None else encrypt_mail(outside, key, self._rng.randbytes(16).hex())
        except EncryptionError as error:
            raise OrderRefusedError("5.7.5", str(error)) from error
