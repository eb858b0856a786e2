"""Whose key signed an order, if the gateway's client did not know that key when the order came.

A sender of the gateway's own domain has an address there, which an order proves by its key. The client judges a message
once, when it comes. So a sender whom it did not know yet is looked up, and the key that is found is compared with the
one that signed. Without this the first order of every sender was refused, and its token was spent.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from client.api import BadRequestError, Client, KeyChangedError, LoopixmixError, ReceivedMessage, Verified
from leap_plugin.gateways.abuse.limits import HourlyLimits
from loopixmix.errors import UnavailableError
from loopixmix.seams import Clock

LOOK_UPS_PER_HOUR = 600
"""Each is requests to a provider: a stranger who claims ever other names must not take the place of mail."""


class NotProvenYetError(UnavailableError):
    """The sender of an order could not be looked up just now."""


class SenderProofs:
    """Looks senders up."""

    def __init__(self, client: Client, is_ours: Callable[[str], bool], clock: Clock) -> None:
        """`client`: of the gateway. `is_ours`: whether an address of the network is one at the gateway's domain."""
        self._client = client
        self._is_ours = is_ours
        self._clock = clock
        self._limit = HourlyLimits(LOOK_UPS_PER_HOUR, now_s=clock.seconds())

    async def prove(self, message: ReceivedMessage) -> ReceivedMessage:
        """Return the message with the trust that its key has now; raise `NotProvenYetError`."""
        sender = message.sender
        if sender is None or message.verified is not Verified.UNKNOWN or not self._is_ours(sender):
            return message
        if not self._limit.take(now_s=self._clock.seconds()):
            raise NotProvenYetError("there are too many senders to look up")
        try:
            contact = await self._client.add_contact(sender)
        except (KeyChangedError, BadRequestError):
            return message
        except LoopixmixError as error:
            raise NotProvenYetError("the key of a sender cannot be looked up just now") from error
        if contact.fingerprint != message.fingerprint:
            return message
        return msgspec.structs.replace(message, verified=contact.verified)
