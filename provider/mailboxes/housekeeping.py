"""What a provider does from time to time: forget what has expired, count what there is."""

from __future__ import annotations

from collections.abc import Callable

from loopixmix.seams import Clock, DelayedCall
from loopixmix.wire import SURB_ID_BYTES, ItemKind
from provider.mailbox import MailboxRules, day_of, oldest_day_kept
from provider.store.access import StoreAccess
from provider.store.accounts import StoreFigures, figures, forget_invitations
from provider.store.alarm import StoreAlarm
from provider.store.items import NewItem, expire_items

TURN_S = 10.0
EXPIRE_EVERY_S = 3600.0
EXPIRE_ITEMS = 500
"""Items deleted in one transaction, so that new ones need not wait for long."""
NOBODY = b""
PROBE_BYTES = 2048


class Housekeeping:
    """Keeps one provider's store in order while it runs."""

    def __init__(
        self,
        *,
        access: StoreAccess,
        alarm: StoreAlarm,
        rules: MailboxRules,
        clock: Clock,
        may_expire: Callable[[], bool],
        each_turn: Callable[[], None],
    ) -> None:
        """Take the store and its rules; nothing expires unless `may_expire`; `each_turn` is called every `TURN_S`."""
        self._access = access
        self._alarm = alarm
        self._rules = rules
        self._clock = clock
        self._may_expire = may_expire
        self._each_turn = each_turn
        self._call: DelayedCall | None = None
        self._expire_at_s = 0.0
        self.figures = StoreFigures(accounts=0, items=0)
        self.expired = 0

    def start(self) -> None:
        """Begin with a first turn."""
        self._turn()

    def stop(self) -> None:
        """Leave no call."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def _turn(self) -> None:
        self._call = self._clock.callLater(TURN_S, self._turn)
        self._each_turn()
        self._access.read(figures).addCallbacks(self._counted, self._alarm.failed)
        if self._alarm.problem is not None:
            self._try_to_write()
        if self._clock.seconds() >= self._expire_at_s and self._may_expire():
            self._expire_at_s = self._clock.seconds() + EXPIRE_EVERY_S
            self._expire()

    def _counted(self, counted: StoreFigures) -> None:
        self.figures = counted

    def _try_to_write(self) -> None:
        """Store an item for nobody, as others are stored, to see whether the store works again."""
        nothing = NewItem(NOBODY, ItemKind.MESSAGE, bytes(SURB_ID_BYTES), bytes(PROBE_BYTES), 0)
        self._access.put(nothing).addCallbacks(lambda _: self._alarm.wrote(), self._alarm.failed)

    def _expire(self) -> None:
        now_s = self._clock.seconds()
        oldest_day = oldest_day_kept(now_s, self._rules)
        expiring = self._access.write(lambda connection: expire_items(connection, oldest_day, EXPIRE_ITEMS))
        expiring.addCallbacks(self._expired, self._alarm.failed)
        forgetting = self._access.write(lambda connection: forget_invitations(connection, day_of(now_s)))
        forgetting.addErrback(self._alarm.failed)

    def _expired(self, count: int) -> None:
        self.expired += count
        if count == EXPIRE_ITEMS and self._call is not None:
            self._expire()
