"""Receiving the mail of one account: from its client into its INBOX, each mail once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.api import Client, ReceivedMessage, UnknownMessageError
from leap_plugin.incoming.taking import ClientKeeps, MailArrival, TakenMessage, gateways_of, take
from leap_plugin.mail.addresses import REPLY_LENGTH, REPLY_LETTERS
from leap_plugin.mail.trace import TraceKey
from leap_plugin.store.accounts import account_number
from leap_plugin.store.bell import MailBell
from leap_plugin.store.incoming import IncomingState, ReplyWay, forget_way, incoming_state, late_ways, tidy
from loopixmix.seams import Clock
from loopixmix.store.access import StoreAccess

KIND = "mail"
READER = "bridge"
WITHIN_S = 600.0
"""A mail of 36 MB on a busy machine must not be taken for one that nobody handles."""
TIDY_S = 3600.0

_log = Logger("mail.incoming")


@dataclass(frozen=True)
class MailShelves:
    """Where mail is put. `access`: to the store of the bridge; `bell`: rings after a change of an account."""

    access: StoreAccess
    bell: MailBell


class IncomingMail:
    """The mail that comes to one account.

    A message is offered by the client until it is dealt with. If the store cannot take its mail, because the disk is
    full for example, it stays at the client and is offered again. Once the mail is on the disk the message is deleted
    at the client, so that its bytes are not kept twice.
    """

    def __init__(
        self, address: str, client: Client, shelves: MailShelves, *, trace_key: TraceKey, clock: Clock, rng: Random
    ) -> None:
        """Take the mail of the account `address`, whose client is `client`.

        `trace_key`: of this installation; `rng`: draws the addresses by which anonymous mails are answered.
        """
        self._address = address
        self._client = client
        self._shelves = shelves
        self._trace_key = trace_key
        self._clock = clock
        self._rng = rng
        self._number: int | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._tidying = LoopingCall(self._tidy)
        self._tidying.clock = cast(IReactorTime, clock)

    def start(self) -> None:
        """Begin to take what comes, and what has come."""
        self._unsubscribe = self._client.on_received(KIND, self._receive, reader=READER, within_s=WITHIN_S)
        self._tidying.start(TIDY_S, now=True).addErrback(_log_failure)

    def stop(self) -> None:
        """Take nothing more; what is being stored is finished."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self._tidying.running:
            self._tidying.stop()

    async def state(self) -> IncomingState:
        """Return what a person is told of incoming mail. Raises `StoreError`."""
        account = await self._account()
        return await self._shelves.access.read(lambda connection: incoming_state(connection, account))

    async def _receive(self, message: ReceivedMessage) -> None:
        # Asked each time: who is a gateway must not be forgotten when the bridge starts again, and the daemon knows it.
        gateways = gateways_of(await self._client.network())
        word = "".join(self._rng.choice(REPLY_LETTERS) for _ in range(REPLY_LENGTH))
        arrived = MailArrival(message, gateways, word, self._clock.seconds())
        taken = await self._shelves.access.write(
            lambda connection: take(connection, self._address, arrived, self._trace_key), committed=self._tell
        )
        if taken.kept is ClientKeeps.NOWHERE:
            await self._forget(message.number)

    def _tell(self, taken: TakenMessage) -> None:
        if taken.is_new_mail:
            self._shelves.bell.ring(taken.account)

    async def _forget(self, number: int) -> None:
        try:
            await self._client.delete(number)
        except UnknownMessageError:
            # It is gone already: the program was killed between this and the client's note that it was dealt with.
            return

    async def _account(self) -> int:
        # Asked for every second, by the status: after the first time without a change of the store.
        if self._number is None:
            now_s = self._clock.seconds()
            self._number = await self._shelves.access.write(
                lambda connection: account_number(connection, self._address, now_s=now_s)
            )
        return self._number

    def _tidy(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._do_tidy()).addErrback(_log_failure)

    async def _do_tidy(self) -> None:
        # By a clock that is wrong every mail that is under way would seem to be given up by its sender.
        if not (await self._client.status()).time_agreed:
            return
        now_s = self._clock.seconds()
        access = self._shelves.access
        await access.write(lambda connection: tidy(connection, now_s))
        account = await self._account()
        for way in await access.read(lambda connection: late_ways(connection, account, now_s)):
            if await self._is_still_there(way):
                await self._forget(way.number)
            await access.write(partial(forget_way, account=account, word=way.word))

    async def _is_still_there(self, way: ReplyWay) -> bool:
        # A client that was restored from a copy gives numbers again: another message may have this one.
        found = await self._client.inbox(after=way.number - 1, limit=1)
        return any((one.number, one.message_id) == (way.number, way.message_id) for one in found)


def _log_failure(failure: Failure) -> None:
    _log.failure("received mail could not be tidied up", failure)
