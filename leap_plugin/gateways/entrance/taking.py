"""A mail from outside, sealed to each of its recipients before the other server is told that it was taken.

Nothing of it is stored in clear: `Client.send` seals a mail to its recipient and has it on the disk when it returns.
There is no queue of our own, and no bounce: what cannot be taken is refused while the other server still has it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from client.api import (
    Client,
    ConflictError,
    KeyChangedError,
    LoopixmixError,
    QueueFullError,
    TooLongError,
    UnknownContactError,
)
from leap_plugin.gateways.abuse.limits import HourlyLimits, peer_key
from leap_plugin.gateways.abuse.optout import plain_address
from leap_plugin.gateways.entrance.authentication import SmtpOrigin
from leap_plugin.gateways.entrance.preparing import Preparing
from leap_plugin.gateways.entrance.recipients import EntranceRecipients, EntranceRefusedError, KnownRecipient
from leap_plugin.gateways.store.arrivals import has_arrived, note_arrived
from loopixmix.seams import Clock
from loopixmix.store.access import StoreAccess

KIND = "mail"
TRIED_AGAIN_WITHIN_S = 2 * 86_400.0
"""A mail server tries again within hours (RFC 5321, 4.5.4.1)."""
MOST_HOPS = 50
"""So many lines `Received` a mail may have: more is a loop (RFC 5321, 6.3)."""

_RECEIVED = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)|\0")


@dataclass(frozen=True)
class OutsideArrival:
    """A mail as it came. `mail`: what followed DATA, with CRLF and without the doubled full stops."""

    origin: SmtpOrigin
    recipients: tuple[KnownRecipient, ...]
    mail: bytes


class MailEntrance:
    """What the SMTP server asks, and gives mail to."""

    def __init__(
        self,
        domain: str,
        recipients: EntranceRecipients,
        preparing: Preparing,
        limits: tuple[HourlyLimits, HourlyLimits],
        *,
        client: Client,
        access: StoreAccess,
        key: bytes,
        clock: Clock,
    ) -> None:
        """`limits`: by peer and in all, and by recipient. `access`: to the store of the gateway.

        `key`: makes the names of mails, which tell nothing.
        """
        self.domain = domain
        self._recipients = recipients
        self._preparing = preparing
        self._by_peer, self._by_recipient = limits
        self._client = client
        self._access = access
        self._key = key
        self._clock = clock
        self.accepted = 0
        self.refused: Counter[str] = Counter()

    def check_sender(self, peer: str | None) -> None:
        """Return if one more mail may come from this peer, None for one of our own; raise `EntranceRefusedError`."""
        now_s = self._clock.seconds()
        if not (self._by_peer.take_all(now_s) if peer is None else self._by_peer.take(peer_key(peer), now_s=now_s)):
            raise self._refusal(450, "4.7.1", "too many mails: try again later")

    async def check_recipient(self, address: str, known: Sequence[KnownRecipient] = ()) -> KnownRecipient:
        """Return whom an address belongs to; raise `EntranceRefusedError`. `known`: recipients of the same mail."""
        try:
            found = await self._recipients.find(address)
        except EntranceRefusedError as error:
            self.refused[error.status] += 1
            raise
        # Whoever is named twice gets one mail: by naming somebody a hundred times nobody uses up that one's limit.
        if found in known:
            return found
        if not self._by_recipient.take(plain_address(found.to), now_s=self._clock.seconds()):
            raise self._refusal(450, "4.2.1", "too many mails for that recipient: try again later")
        return found

    async def take(self, arrival: OutsideArrival) -> None:
        """Return once the mail is sealed and durable for all recipients; raise `EntranceRefusedError`."""
        self._check(arrival.mail)
        marked = await self._preparing.marked(arrival.mail, arrival.origin)
        for recipient in arrival.recipients:
            await self._send(arrival, recipient, marked)
        self.accepted += 1

    def _check(self, mail: bytes) -> None:
        if _BARE.search(mail):
            raise self._refusal(550, "5.6.0", "a line ends without CRLF, or there is a zero byte (RFC 5321, 2.3.8)")
        head = mail.partition(b"\r\n\r\n")[0]
        if len(_RECEIVED.findall(head)) > MOST_HOPS:
            raise self._refusal(554, "5.4.6", "this mail goes round in circles")

    async def _send(self, arrival: OutsideArrival, recipient: KnownRecipient, marked: bytes) -> None:
        # The same mail again, because our answer was lost, has the same name: the client takes it once.
        name = self._name(arrival, recipient)
        # The client forgets a mail as soon as it is stored at its recipient's, and a peer tries again hours later.
        if await self._access.read(lambda connection: has_arrived(connection, bytes.fromhex(name))):
            return
        bodies = await self._preparing.bodies(marked, recipient.for_address)
        try:
            # The first piece last: if it is there, all are. Those of an attempt that was broken off are of no use, for
            # our lines, and with them the digest in each piece, are others now.
            attempt = hashlib.sha256(bodies[-1]).hexdigest()[:16]
            for number, body in reversed(tuple(enumerate(bodies))):
                key = f"in/{name}/{attempt}/{number}" if number else f"in/{name}/0"
                await self._client.send(recipient.to, body, kind=KIND, idempotency_key=key)
        except ConflictError:
            pass  # it was taken before, and only our own lines are others now
        except TooLongError as error:
            raise self._refusal(552, "5.2.3", "the mail is too long for its recipient") from error
        except UnknownContactError as error:
            raise self._refusal(550, "5.1.1", "there is nobody at that address any more") from error
        except KeyChangedError as error:
            raise self._refusal(450, "4.7.5", "the recipient's key has changed") from error
        except QueueFullError as error:
            raise self._refusal(452, "4.3.1", "the queue is full: try again later") from error
        except LoopixmixError as error:
            raise self._refusal(451, "4.3.0", "the mail cannot be taken just now") from error
        forget_at_s = self._clock.seconds() + TRIED_AGAIN_WITHIN_S
        await self._access.write(lambda connection: note_arrived(connection, bytes.fromhex(name), forget_at_s))

    def _name(self, arrival: OutsideArrival, recipient: KnownRecipient) -> str:
        told = f"{arrival.origin.mail_from}\0{recipient.to}\0".encode("utf-8", "replace")
        return hmac.digest(self._key, told + hashlib.sha256(arrival.mail).digest(), "sha256").hex()

    def _refusal(self, code: int, status: str, message: str) -> EntranceRefusedError:
        self.refused[status] += 1
        return EntranceRefusedError(code, status, message)
