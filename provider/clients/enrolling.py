"""Wishes to register: judged, limited, and answered once the account is on the disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from loopixmix.seams import Clock, NodeId, Rng
from loopixmix.wire import Frame, Register, Registered, RegisterRefusal, RegisterRefused
from provider.accounts import RegistrationLimits, RegistrationRules, hash_invitation, is_name
from provider.cards.keydirectory import is_card_of
from provider.mailbox import day_of
from provider.store.access import StoreAccess
from provider.store.accounts import Application, register
from provider.store.alarm import StoreAlarm

FIRST_NUMBER_BITS = 56
"""Items are numbered from a random start: the numbers tell nobody how many there were."""

SendFrame: TypeAlias = Callable[[NodeId, Frame], None]


class Enrolling:
    """Opens accounts."""

    def __init__(
        self,
        *,
        provider: NodeId,
        access: StoreAccess,
        alarm: StoreAlarm,
        rules: RegistrationRules,
        clock: Clock,
        rng: Rng,
        send: SendFrame,
        opened: Callable[[NodeId], None],
    ) -> None:
        """Take the neighbours; `opened` hears whose account is there from now on."""
        self._provider = provider
        self._access = access
        self._alarm = alarm
        self._rules = rules
        self._clock = clock
        self._rng = rng
        self._send = send
        self._opened = opened
        self._limits = RegistrationLimits(rules, clock.seconds())

    def enrol(self, key: NodeId, wish: Register) -> None:
        """Judge the wish of the link `key`, which proved by TLS that it has the key."""
        refusal = self._check(key, wish)
        if refusal is not None:
            self._send(key, RegisterRefused(refusal))
            return
        application = Application(
            name=wish.name,
            identity=key,
            card=wish.card,
            invitation_hash=hash_invitation(wish.invitation),
            first_number=1 + self._rng.getrandbits(FIRST_NUMBER_BITS),
            day=day_of(self._clock.seconds()),
        )

        def judged(refusal: RegisterRefusal | None) -> None:
            if refusal is None:
                self._opened(key)
            self._send(key, Registered() if refusal is None else RegisterRefused(refusal))

        registered = self._access.write(lambda connection: register(connection, application, self._rules))
        # Where that fails there is no answer: the client asks again. What is not on the disk is nobody's account.
        registered.addCallbacks(judged, self._alarm.failed)

    def _check(self, key: NodeId, wish: Register) -> RegisterRefusal | None:
        if not self._limits.admit(key, self._clock.seconds()):
            return RegisterRefusal.RATE_LIMITED
        if not is_name(wish.name):
            return RegisterRefusal.BAD_NAME
        if wish.card and not is_card_of(wish.card, name=wish.name, provider=self._provider, identity=key):
            return RegisterRefusal.BAD_CARD
        return None
