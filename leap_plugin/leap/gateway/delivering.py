"""From the gateway's store into the users' Incoming Boxes.

Several users are served at a time, each with one mail, so that a box that is full, or a mail that is long, holds up
nobody else. A mail that cannot be delivered is tried for five days. Then it is put aside for the operator, and its
sender is told.
"""

from __future__ import annotations

from collections import deque

from sqlalchemy import Connection
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from client.api import Client, UnknownMessageError
from leap_plugin.leap.gateway import deliveries, users
from leap_plugin.leap.gateway.arriving import NO_KEY_RETRY_S, forget_messages
from leap_plugin.leap.gateway.deliveries import BoxDelivery, DeliveryState, DueMail
from leap_plugin.leap.gateway.pieces import whole_mail
from leap_plugin.leap.gateway.reporting import FailedMail, FailureReports
from leap_plugin.leap.gateway.sealing import SealingPlace, sealed_mail
from leap_plugin.leap.gateway.soledad import BoxFull, BoxRefused, InBox, SoledadDown, SoledadIncoming
from leap_plugin.leap.gateway.users import MailboxOwner
from leap_plugin.leap.openpgp.certificates import BadCertificateError
from loopixmix.errors import FormatError, LoopixmixError
from loopixmix.process.backoff import Backoff
from loopixmix.process.pause import Pause
from loopixmix.process.task import Task
from loopixmix.seams import Clock, Rng
from loopixmix.store.access import StoreAccess

PATIENCE_S = 5 * 86_400.0
KEEP_DONE_S = 7 * 86_400.0
KEEP_ASIDE_S = 30 * 86_400.0
AT_ONCE = 16
MOST_TURNS = 200
"""Looked for at a time: with many mails that takes longer than to deliver some."""
LOOK_S = 30.0
"""Commands of the operator change the store beside the program: so often it looks by itself."""
TIDY_S = 600.0
FIRST_RETRY_S, LONGEST_RETRY_S = 60.0, 3600.0
FIRST_DOWN_S, LONGEST_DOWN_S = 2.0, 120.0

_log = Logger()


class Deliverer:
    """Puts mails into boxes, until it is stopped."""

    def __init__(
        self,
        client: Client,
        access: StoreAccess,
        soledad: SoledadIncoming,
        reports: FailureReports,
        *,
        clock: Clock,
        rng: Rng,
        in_thread: SealingPlace,
    ) -> None:
        """`client`: has the mails that are not encrypted yet. `access`: to the gateway's store."""
        self._client = client
        self._access = access
        self._soledad = soledad
        self._reports = reports
        self._clock = clock
        self._rng = rng
        self._in_thread = in_thread
        self._pause = Pause(clock)
        self._task = Task("delivering mail", clock=clock, rng=rng)
        self._down = Backoff(rng=rng, first_s=FIRST_DOWN_S, longest_s=LONGEST_DOWN_S)
        self._resume_at_s = 0.0
        self._busy: dict[str, Deferred[None]] = {}
        self._turns: deque[DueMail] = deque()
        self._tidied_at_s = 0.0
        self._is_woken = False
        self.delivered = 0
        self.problem: str | None = None
        """Why Soledad takes nothing just now, in one line."""

    def start(self) -> None:
        """Begin."""
        self._task.start(self._work)

    async def stop(self) -> None:
        """End; attempts under way are broken off, and are made again after the next start."""
        await self._task.stop()
        for attempt in tuple(self._busy.values()):
            attempt.cancel()
        self._busy.clear()

    def wake(self) -> None:
        """Look for mails now: one has arrived, or the operator has changed something."""
        self._is_woken = True
        self._pause.wake()

    async def _work(self) -> None:
        while True:
            self._is_woken = False
            try:
                wait_s = await self._round()
            except LoopixmixError as error:
                _log.error("deliveries wait: {kind}", kind=type(error).__name__)
                wait_s = LOOK_S
            # Not if something was told while this looked: it would be slept through.
            if not self._is_woken:
                await self._pause.wait(wait_s)

    async def _round(self) -> float:
        """Begin attempts; return how long nothing is to be done, unless something is told."""
        now_s = self._clock.seconds()
        if now_s >= self._tidied_at_s + TIDY_S:
            self._tidied_at_s = now_s
            await self._tidy(now_s)
        if now_s < self._resume_at_s:
            return self._resume_at_s - now_s
        if not self._turns and len(self._busy) < AT_ONCE:
            busy = frozenset(self._busy)
            found = await self._access.read(
                lambda connection: deliveries.due(connection, now_s, busy=busy, limit=MOST_TURNS)
            )
            self._turns.extend(found)
        while self._turns and len(self._busy) < AT_ONCE:
            turn = self._turns.popleft()
            if turn.address not in self._busy:
                self._begin(turn)
        if self._busy:
            return LOOK_S  # each end of an attempt wakes
        next_s = await self._access.read(deliveries.next_due_s)
        return LOOK_S if next_s is None else max(0.0, min(LOOK_S, next_s - self._clock.seconds()))

    def _begin(self, turn: DueMail) -> None:
        attempt = Deferred.fromCoroutine(self._attempt(turn))
        self._busy[turn.address] = attempt
        attempt.addBoth(self._ended, turn.address)

    def _ended(self, result: object, address: str) -> None:
        self._busy.pop(address, None)
        failure = getattr(result, "value", None)
        if isinstance(failure, CancelledError):
            return
        if isinstance(failure, LoopixmixError):
            # The store or the client: both tell of it themselves. Not again at once.
            self._resume_at_s = self._clock.seconds() + self._down.next_s()
        elif failure is not None:
            _log.error("an attempt failed by a defect: {kind}", kind=type(failure).__name__)
            self._resume_at_s = self._clock.seconds() + LONGEST_DOWN_S
        self.wake()

    async def _attempt(self, turn: DueMail) -> None:
        now_s = self._clock.seconds()

        def load(connection: Connection) -> tuple[BoxDelivery | None, MailboxOwner | None]:
            found = deliveries.load_due(connection, turn.blob_id, now_s)
            return found, users.find_owner(connection, turn.address)

        delivery, owner = await self._access.read(load)
        if delivery is None or now_s < self._resume_at_s:
            return
        if owner is None:
            await self._give_up(delivery, "5.1.1", "there is no user of that address any more")
            return
        if delivery.state is DeliveryState.UNSEALED:
            content = await self._seal(delivery, owner, now_s)
            if content is None:
                return
        else:
            content = delivery.content or b""
        if delivery.numbers:
            await self._let_client_forget(delivery)
        answer = await self._soledad.put(owner.uuid, delivery.blob_id, content)
        if not isinstance(answer, SoledadDown):
            self.problem = None
            self._down.reset()
        match answer:
            case InBox():
                self.delivered += 1
                await self._access.write(
                    lambda connection: deliveries.finish(connection, delivery.blob_id, self._clock.seconds())
                )
            case BoxFull():
                await self._put_off(delivery, "the user's quota is used up")
            case BoxRefused(reason):
                await self._put_off(delivery, reason)
            case SoledadDown(reason):
                if self.problem != reason:
                    _log.warn("{reason}; mails wait", reason=reason)
                self.problem = reason
                self._resume_at_s = self._clock.seconds() + self._down.next_s()

    async def _seal(self, delivery: BoxDelivery, owner: MailboxOwner, now_s: float) -> bytes | None:
        try:
            whole = await whole_mail(self._client, delivery.numbers)
        except (FormatError, UnknownMessageError):
            whole = None
        if whole is None:
            await self._give_up(delivery, "5.3.0", "the mail is not in the gateway's client any more")
            return None
        try:
            content = await sealed_mail(whole.mail, owner, now_s, self._in_thread)
        except BadCertificateError as error:
            problem = str(error)
            await self._access.write(
                lambda connection: deliveries.put_off(
                    connection, delivery, next_at_s=now_s + NO_KEY_RETRY_S, problem=problem
                )
            )
            return None
        await self._access.write(lambda connection: deliveries.seal(connection, delivery.blob_id, content))
        return content

    async def _put_off(self, delivery: BoxDelivery, problem: str) -> None:
        bound_s = min(FIRST_RETRY_S * 2.0 ** min(delivery.attempts, 10), LONGEST_RETRY_S)
        next_at_s = self._clock.seconds() + self._rng.uniform(bound_s / 2, bound_s)
        await self._access.write(
            lambda connection: deliveries.put_off(connection, delivery, next_at_s=next_at_s, problem=problem)
        )

    async def _tidy(self, now_s: float) -> None:
        if not await self._is_time_agreed():
            return
        old = await self._access.read(lambda connection: deliveries.too_old(connection, now_s - PATIENCE_S, limit=1000))
        for delivery in old:
            if delivery.address not in self._busy:
                reason = delivery.problem or self.problem or "it could not be delivered"
                await self._give_up(delivery, "5.4.7", f"{reason}; it was tried for five days")

        def prune(connection: Connection) -> list[BoxDelivery]:
            deliveries.discard(connection, aside_before_s=now_s - KEEP_ASIDE_S, now_s=now_s)
            deliveries.prune(connection, done_before_s=now_s - KEEP_DONE_S)
            return deliveries.left_in_client(connection, limit=1000)

        for delivery in await self._access.write(prune):
            await self._let_client_forget(delivery)
        await self._access.empty_log()

    async def _is_time_agreed(self) -> bool:
        try:
            return (await self._client.status()).time_agreed
        except LoopixmixError:
            # Deliveries go on without the client. What is too old is given up when it is there again.
            return False

    async def _let_client_forget(self, delivery: BoxDelivery) -> None:
        await forget_messages(self._client, delivery.numbers)
        await self._access.write(lambda connection: deliveries.forget_numbers(connection, delivery.blob_id))

    async def _give_up(self, delivery: BoxDelivery, status: str, reason: str) -> None:
        failed = FailedMail(
            blob_id=delivery.blob_id,
            sender=delivery.sender,
            recipient=delivery.address,
            message_id=delivery.message_id,
            arrived_at_s=delivery.arrived_at_s,
        )
        await self._reports.report(failed, status=status, reason=reason)
        now_s = self._clock.seconds()
        await self._access.write(lambda connection: deliveries.put_aside(connection, delivery.blob_id, reason, now_s))
