"""The regular work of a provider: it forgets items and guests that have expired, and counts accounts and items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Connection
from twisted.python.failure import Failure

from loopixmix.directory import Document
from loopixmix.process.task import Guarded, Recurring
from loopixmix.seams import Clock
from loopixmix.store.alarm import already_told
from loopixmix.wire import SURB_ID_BYTES, ItemKind
from provider.accounts import RegistrationRules, oldest_guest_day_kept
from provider.agreed_time import AgreedTime
from provider.mailbox import MailboxRules, day_of, oldest_day_kept
from provider.store.access import MailAccess
from provider.store.accounts import ItemCount, StoreFigures, count_items, count_of, forget_invitations
from provider.store.guests import end_guests
from provider.store.items import NewItem, expire_items

TURN_S = 10.0
EXPIRE_EVERY_S = 3600.0
EXPIRE_ITEMS = 500
"""Items deleted in one transaction, so that new ones need not wait for long."""
COUNT_ACCOUNTS = 2000
"""Accounts of which the items are counted in one reading: some 5 ms."""
NOBODY = b""
"""A recipient that no account has: an identity key is never empty."""
PROBE_BYTES = 2048


class Housekeeping:
    """Keeps one provider's store in order while it runs."""

    def __init__(
        self,
        *,
        access: MailAccess,
        rules: MailboxRules,
        registration: RegistrationRules,
        clock: Clock,
        agreed: AgreedTime,
        each_turn: Sequence[Callable[[], None]],
        expiring: Sequence[Callable[[], None]],
    ) -> None:
        """`access`: the store. `rules`: by which items expire. `registration`: by which guests do.

        `agreed`: whether the network agrees with `clock`, which this adopts documents for.
        `each_turn`: called every `TURN_S`, too. `expiring`: those of them that forget what has ended, called only while
        the network agrees about the time.
        """
        self._access = access
        self._rules = rules
        self._registration = registration
        self._clock = clock
        # Each apart: one that fails must not keep the others from being done.
        self._each_turn = tuple(Guarded("keeping the store in order", work) for work in each_turn)
        self._expiring = tuple(Guarded("forgetting what has ended", work) for work in expiring)
        self._agreed = agreed
        self._turns = Recurring("keeping the store in order", self._turn, clock=clock, again_s=TURN_S)
        self._expire_at_s = 0.0
        self._counting = False
        self.figures = StoreFigures(accounts=0, guests=0, items=0)
        self.store_bytes = 0
        self.expired = 0

    def start(self) -> None:
        """Begin with a first turn."""
        self._turns.start()

    @property
    def problem(self) -> str | None:
        """Why the store is not kept in order, in one line; None if it is."""
        problems = [self._turns.problem, *(work.problem for work in (*self._each_turn, *self._expiring))]
        return next((problem for problem in problems if problem is not None), None)

    def adopt(self, document: Document) -> None:
        """Let items expire while this document is valid."""
        self._agreed.adopt(document)

    def stop(self) -> None:
        """Leave no call."""
        self._turns.stop()

    def _turn(self) -> float:
        for call in self._each_turn:
            call()
        if not self._counting:
            self._counting = True
            self._count(0, 0)
        self._access.used_bytes().addCallbacks(self._measured, already_told)
        if self._access.problem is not None:
            self._try_to_write()
        if not self._agreed():
            return TURN_S
        for call in self._expiring:
            call()
        if self._clock.seconds() >= self._expire_at_s:
            self._expire_at_s = self._clock.seconds() + EXPIRE_EVERY_S
            self._expire()
            self._end_guests()
        return TURN_S

    def _count(self, after: int, items: int) -> None:
        """Count on from the account with the id `after`; `items`: those of the accounts before."""

        def counted(found: ItemCount) -> None:
            if not self._turns.running:
                return
            if found.last_id is not None:
                self._count(found.last_id, items + found.items)
            else:
                self._access.read(partial(_figures, items=items)).addCallback(self._counted).addErrback(
                    self._not_counted
                )

        # Some at a time: to read 200,000 accounts takes half a second, for which no pull would find its items.
        counting = self._access.read(partial(count_items, after=after, limit=COUNT_ACCOUNTS))
        counting.addCallback(counted).addErrback(self._not_counted)

    def _counted(self, counted: StoreFigures) -> None:
        self.figures, self._counting = counted, False

    def _not_counted(self, failure: Failure) -> None:
        self._counting = False
        already_told(failure)

    def _measured(self, store_bytes: int) -> None:
        self.store_bytes = store_bytes

    def _try_to_write(self) -> None:
        """Store an item for nobody, as others are stored, to see whether the store works again.

        Otherwise a provider whose clients wait for it would stay unhealthy until mail happened to come.
        """
        nothing = NewItem(NOBODY, ItemKind.MESSAGE, bytes(SURB_ID_BYTES), bytes(PROBE_BYTES), 0)
        self._access.put(nothing).addErrback(already_told)

    def _expire(self) -> None:
        now_s = self._clock.seconds()
        oldest_day = oldest_day_kept(now_s, self._rules)
        expiring = self._access.write(lambda connection: expire_items(connection, oldest_day, EXPIRE_ITEMS))
        expiring.addCallbacks(self._expired, already_told)
        forgetting = self._access.write(lambda connection: forget_invitations(connection, day_of(now_s)))
        forgetting.addErrback(already_told)

    def _expired(self, count: int) -> None:
        self.expired += count
        # One transaction after the other, so that new items get their turn between them.
        if count == EXPIRE_ITEMS and self._turns.running:
            self._expire()

    def _end_guests(self) -> None:
        oldest_day = oldest_guest_day_kept(self._clock.seconds(), self._registration)
        ending = self._access.write(lambda connection: end_guests(connection, oldest_day, EXPIRE_ITEMS))
        ending.addCallbacks(self._guests_ended, already_told)

    def _guests_ended(self, rows: int) -> None:
        if rows == EXPIRE_ITEMS and self._turns.running:
            self._end_guests()


def _figures(connection: Connection, *, items: int) -> StoreFigures:
    return StoreFigures(
        accounts=count_of(connection, guests=False), guests=count_of(connection, guests=True), items=items
    )
