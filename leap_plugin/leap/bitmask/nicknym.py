"""Look-ups of OpenPGP keys in the form of nicknym, answered through the network.

`GET /?address=A` gives `{"address": A, "openpgp": "<armoured>"}`, or 404 with `{"error": ...}`. LEAP's own nicknym is
asked over the internet: it, and everybody on the way who sees the connection, learns who writes to whom.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TwistedTimeoutError

from client.api import Client, ClientError, MessageState, ReceivedMessage, Verified
from leap_plugin.leap.bitmask.reach import ReachableAddresses
from leap_plugin.leap.openpgp.asking import (
    ANSWER_KIND,
    ASK_KIND,
    ID_BYTES,
    KeyAnswer,
    decode_answer,
    encode_question,
)
from leap_plugin.leap.openpgp.certificates import BadCertificateError, Certificate, read_certificate
from loopixmix.bounds import BoundedMap
from loopixmix.errors import FormatError, UnavailableError
from loopixmix.seams import Clock, Rng

READER = "leap-keys"
PATIENCE_S = 60.0
KEEP_S = 3600.0
KEEP_NOTHING_S = 300.0
MAX_KEPT = 1000
MAX_ASKING = 32


class NoAnswerError(UnavailableError):
    """The gateway of that domain did not answer in time."""


@dataclass(frozen=True)
class _Kept:
    certificate: Certificate | None
    until_s: float


@dataclass
class _Asking:
    gateway: str
    answered: Deferred[KeyAnswer]


class KeyLookups:
    """Asks the gateways of domains for the keys of their users, each question anonymous and on its own."""

    def __init__(self, client: Client, reachable: ReachableAddresses, *, clock: Clock, rng: Rng) -> None:
        """`reachable`: tells whose gateway is to be asked."""
        self._client = client
        self._reachable = reachable
        self._clock = clock
        self._rng = rng
        self._asking: dict[bytes, _Asking] = {}
        self._kept: BoundedMap[str, _Kept] = BoundedMap(MAX_KEPT)
        self._stop: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin to take answers."""
        self._stop = self._client.on_received(ANSWER_KIND, self._take, reader=READER)

    def stop(self) -> None:
        """Take no answers any more; look-ups under way fail, and no delayed call is left."""
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()
        for asking in tuple(self._asking.values()):
            asking.answered.cancel()

    async def look_up(self, address: str) -> Certificate | None:
        """Return the certificate of a mail address; None if there is none.

        Only gateways give out keys: for all other addresses of the network there is nothing to ask, and addresses
        outside are never asked for. Raises `NoAnswerError`, and what `Client.send` raises.
        """
        folded = address.lower()
        gateway = self._reachable.gateway_of(folded)
        if self._reachable.inside(folded) is None or not gateway:
            return None
        kept, now_s = self._kept.get(folded), self._clock.seconds()
        if kept is not None and now_s < kept.until_s:
            return kept.certificate
        answer = await self._ask(folded, gateway)
        now_s = self._clock.seconds()
        try:
            found = read_certificate(answer.certificate, folded, now_s) if answer.certificate else None
        except BadCertificateError:
            found = None  # the gateway's fault; to whoever asks it is the same as no key
        self._kept[folded] = _Kept(found, now_s + (KEEP_NOTHING_S if found is None else KEEP_S))
        self._kept.move_to_end(folded)
        return found

    async def _ask(self, address: str, gateway: str) -> KeyAnswer:
        if len(self._asking) >= MAX_ASKING:
            raise NoAnswerError(f"{MAX_ASKING} keys are being looked up already; try again in a moment")
        lookup_id = self._rng.randbytes(ID_BYTES)
        asking = _Asking(gateway, Deferred())
        # Known before it leaves: an answer may be there before `send` has returned.
        self._asking[lookup_id] = asking
        try:
            if all(contact.address != gateway for contact in await self._client.contacts()):
                await self._client.add_contact(gateway)
            message_id = await self._client.send(
                gateway,
                encode_question(lookup_id, address),
                kind=ASK_KIND,
                idempotency_key=f"leap-key/{lookup_id.hex()}",
                anonymous=True,
                deadline_s=self._clock.seconds() + PATIENCE_S,
            )
            asking.answered.addTimeout(PATIENCE_S, self._clock)  # type: ignore[arg-type]
            try:
                return await asking.answered
            except TwistedTimeoutError:
                raise NoAnswerError(f"the gateway of that domain did not answer within {PATIENCE_S:g} s") from None
            finally:
                await self._forget(message_id)
        finally:
            del self._asking[lookup_id]

    async def _forget(self, message_id: str) -> None:
        # The question names whom its author means to write to: it is not to stay in the history of messages.
        try:
            message = await self._client.message(message_id)
            if message.state in (MessageState.STORED, MessageState.RECEIVED, MessageState.FAILED):
                await self._client.delete_outgoing(message_id)
        except ClientError:
            return

    async def _take(self, message: ReceivedMessage) -> None:
        try:
            answer = decode_answer(message.body)
        except FormatError:
            answer = None
        asking = None if answer is None else self._asking.get(answer.lookup_id)
        is_good = asking is not None and _is_from(message, asking.gateway)
        if answer is not None and asking is not None and is_good and not asking.answered.called:
            asking.answered.callback(answer)
        try:
            await self._client.delete(message.number)
        except ClientError:
            return


def _is_from(message: ReceivedMessage, gateway: str) -> bool:
    # The client vouches that it came by the reply blocks that this contact was given, or was signed by its key.
    return message.sender == gateway and message.verified is not Verified.UNKNOWN
