"""The queue's way to the relay: each mail as soon as it is due, again after longer and longer, for five days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from leap_plugin.gateways.exit.relay import MailRelay, RelayAnswer, RelayHasIt, RelayLater
from leap_plugin.gateways.store.waiting import OutsideMail, WaitingMail, WaitingMails
from leap_plugin.gateways.threads import BesideReactor
from leap_plugin.mail.reports import Notice
from leap_plugin.mail.states import DsnAction
from loopixmix.errors import StoreError
from loopixmix.process.pause import Pause
from loopixmix.process.task import Task
from loopixmix.seams import Clock, Rng
from loopixmix.store.access import StoreAccess

LONGEST_PAUSE_S = 300.0
STORE_PAUSE_S = 10.0

log = Logger()


@dataclass(frozen=True)
class RetryTimes:
    """When a mail is tried again: after `first_s`, then after twice as long each time, `longest_s` at most.

    After `give_up_s` it failed; after `tell_s` its sender is told, once, that it waits.
    """

    first_s: float = 300.0
    longest_s: float = 4 * 3600.0
    tell_s: float = 4 * 3600.0
    give_up_s: float = 5 * 86_400.0


class Reports(Protocol):
    """Tells senders what became of their mail."""

    async def report(self, to: str, message: bytes, notice: Notice, arrived_s: float, *, key: str = "") -> None:
        """Send a notification to `to`, as far as it can be sent; never raises. `key`: one is sent once only by it."""


@dataclass
class RelayCounts:
    """What became of mails since the start."""

    relayed: int = 0
    refused: int = 0
    gave_up: int = 0
    attempts_failed: int = 0


class Relaying:
    """Hands the mails that wait to the relay, several at one time."""

    def __init__(
        self,
        waiting: WaitingMails,
        access: StoreAccess,
        relay: MailRelay,
        reports: Reports,
        *,
        in_thread: BesideReactor,
        at_once: int,
        clock: Clock,
        rng: Rng,
    ) -> None:
        """`waiting`, `access`: the queue and its store. `in_thread`: runs the relay. `at_once`: so many mails."""
        self._waiting = waiting
        self._access = access
        self._relay = relay
        self._reports = reports
        self._in_thread = in_thread
        self._at_once = at_once
        self._clock = clock
        self._rng = rng
        self._times = RetryTimes()
        self._pause = Pause(clock)
        self._task = Task("handing mail to the relay", clock=clock, rng=rng)
        self._under_way: dict[int, Deferred[None]] = {}
        self._stuck: dict[int, float] = {}
        self._answers: dict[int, RelayAnswer] = {}
        self._told: set[int] = set()
        self.counts = RelayCounts()
        self.last_problem: str | None = None

    @property
    def problem(self) -> str | None:
        """Why no mail leaves, in one line; None if all is well."""
        return self._task.problem or self.last_problem

    def start(self) -> None:
        """Begin."""
        self._task.start(self._run)

    def wake(self) -> None:
        """Look again: a mail has come."""
        self._pause.wake()

    async def stop(self) -> None:
        """Take up no further mail, and wait until the relay has answered for those that are being handed over."""
        await self._task.stop()
        for one in tuple(self._under_way.values()):
            # Waited for by a Deferred of its own: whoever is cancelled must not cancel the other.
            await _after(one)
        self._relay.close()

    async def _run(self) -> None:
        while True:
            free = self._at_once - len(self._under_way)
            wait_s = LONGEST_PAUSE_S
            if free > 0:
                wait_s = await self._take_up(free)
            # Woken by a mail that comes, and by one that is done.
            if wait_s > 0:
                await self._pause.wait(wait_s)

    async def _take_up(self, free: int) -> float:
        """Begin with up to `free` mails; return after how long to look again."""
        now_s = self._clock.seconds()
        self._stuck = {number: until_s for number, until_s in self._stuck.items() if until_s > now_s}
        busy = {*self._under_way, *self._stuck}
        try:
            due, next_s = await self._access.read(lambda c: self._waiting.due(c, now_s, but=busy, most=free))
        except StoreError:
            # The store's own alarm tells why.
            return STORE_PAUSE_S
        for mail in due:
            self._begin(mail)
        if next_s is None or len(self._under_way) >= self._at_once:
            return LONGEST_PAUSE_S
        return min(LONGEST_PAUSE_S, max(0.0, next_s - now_s))

    def _begin(self, mail: WaitingMail) -> None:
        sending = Deferred.fromCoroutine(self._send(mail))
        self._under_way[mail.number] = sending
        sending.addErrback(self._defect, mail.number)
        sending.addBoth(lambda _: self._end(mail.number))

    def _end(self, number: int) -> None:
        del self._under_way[number]
        self._pause.wake()

    def _defect(self, failure: Failure, number: int) -> None:
        # The mail stays in the queue. Taken up at once, it would fail again and again without a pause.
        self._stuck[number] = self._clock.seconds() + LONGEST_PAUSE_S
        log.failure("a mail could not be handed over", failure)

    async def _send(self, waiting: WaitingMail) -> None:
        mail = waiting.mail
        answer = self._answers.get(waiting.number)
        if answer is None:
            answer = await self._in_thread(lambda: self._relay.hand_over(mail))
            # Kept until the store knows it: with a full disk the relay would get the mail again every few minutes.
            self._answers[waiting.number] = answer
        await self._note(waiting, answer)
        del self._answers[waiting.number]

    async def _note(self, waiting: WaitingMail, answer: RelayAnswer) -> None:
        now_s = self._clock.seconds()
        if isinstance(answer, RelayHasIt):
            self.counts.relayed += 1
            self.last_problem = None
            await self._remove(waiting)
        elif not isinstance(answer, RelayLater):
            self.counts.refused += 1
            self.last_problem = None
            await self._fail(waiting, answer.status, answer.reason)
        elif now_s - waiting.arrived_s >= self._times.give_up_s:
            self.counts.gave_up += 1
            # RFC 3463: 4.4.7 is "delivery time expired"; what has failed for good begins with a 5.
            await self._fail(waiting, "5.4.7", f"it was tried for five days, the last time: {answer.reason}")
        else:
            self.counts.attempts_failed += 1
            if answer.status in ("4.4.1", "4.4.2", "4.7.8"):
                self.last_problem = answer.reason
            await self._again(waiting, answer, now_s)

    async def _again(self, waiting: WaitingMail, answer: RelayLater, now_s: float) -> None:
        # The exponent is bounded: a mail that waits for days would overflow it.
        bound_s = min(self._times.first_s * 2.0 ** min(waiting.attempts, 20), self._times.longest_s)
        next_at_s = now_s + bound_s * self._rng.uniform(0.5, 1.0)
        tells = not waiting.told_delay and now_s - waiting.arrived_s >= self._times.tell_s
        told = waiting.told_delay or tells
        await self._access.write(lambda c: self._waiting.postpone(c, waiting.number, next_at_s, told_delay=told))
        if tells:
            until_s = waiting.arrived_s + self._times.give_up_s
            await self._report(waiting, DsnAction.DELAYED, answer.status, answer.reason, until_s)

    async def _fail(self, waiting: WaitingMail, status: str, reason: str) -> None:
        # Told first: after a crash in between the mail fails again, and its sender is not told twice.
        if waiting.number not in self._told:
            self._told.add(waiting.number)
            await self._report(waiting, DsnAction.FAILED, status, reason, None)
        await self._remove(waiting)
        self._told.discard(waiting.number)

    async def _remove(self, waiting: WaitingMail) -> None:
        await self._access.write(lambda c: self._waiting.remove(c, waiting.number))

    async def _report(
        self, waiting: WaitingMail, action: DsnAction, status: str, reason: str, until_s: float | None
    ) -> None:
        mail: OutsideMail = waiting.mail
        if mail.report_to and mail.recipient.isascii():
            notice = Notice(mail.recipient, action, status, reason, until_s)
            key = f"report/{waiting.number}/{waiting.arrived_s!r}/{action}"
            await self._reports.report(mail.report_to, mail.message, notice, waiting.arrived_s, key=key)


def _after(running: Deferred[None]) -> Deferred[None]:
    done: Deferred[None] = Deferred()

    def tell(_: object) -> None:
        done.callback(None)

    running.addBoth(tell)
    return done
