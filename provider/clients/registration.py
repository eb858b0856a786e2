"""Wishes to register: judged, limited, and answered once the account is on the disk."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed

from loopixmix.seams import Clock, Identity, Rng
from loopixmix.store.access import StoreAccess
from loopixmix.store.alarm import already_told
from loopixmix.wire import Register, Registered, RegisterGuest, RegisterRefusal, RegisterRefused
from provider.accounts import RegistrationLimits, RegistrationRules, Wisher, hash_invitation, is_name
from provider.cards.keydirectory import is_card_of
from provider.clients.answers import FIRST_NUMBER_BITS, Answer
from provider.clients.guests import Guests
from provider.mailbox import day_of
from provider.store.accounts import Application, find_wisher, register


class Registration:
    """Opens accounts at one provider."""

    def __init__(
        self,
        *,
        provider: Identity,
        access: StoreAccess,
        rules: RegistrationRules,
        guests: Guests,
        clock: Clock,
        rng: Rng,
    ) -> None:
        """`provider`: our identity, which a card must name. `access`: the store. `rules`: the operator's.

        `guests`: opens the accounts without a name.
        """
        self._provider = provider
        self._access = access
        self._rules = rules
        self._guests = guests
        self._clock = clock
        self._rng = rng
        self._limits = RegistrationLimits(rules, clock.seconds())

    def enrol(self, identity: Identity, wish: Register | RegisterGuest) -> Deferred[Answer | None]:
        """Judge the wish of the client `identity`, which proved by TLS that it has the key.

        Fires with the answer, once the account is on the disk, or with None if the store failed. Then there is no
        answer: the client asks again, whereas a refusal would make it give up.
        """
        if isinstance(wish, RegisterGuest):
            return self._guests.enrol(identity, wish.token)
        if not self._limits.admit_link(identity, self._clock.seconds()):
            return succeed(RegisterRefused(RegisterRefusal.RATE_LIMITED))
        application = Application(
            name=wish.name,
            identity=identity,
            card=wish.card,
            invitation_hash=hash_invitation(wish.invitation),
            first_number=1 + self._rng.getrandbits(FIRST_NUMBER_BITS),
            day=day_of(self._clock.seconds()),
        )
        # Who asks is known first, and then counted: otherwise strangers spend what is there for the invited.
        asked = self._access.read(lambda connection: find_wisher(connection, application))
        return asked.addCallbacks(lambda wisher: self._judge(wisher, application, wish), already_told)

    def _judge(self, wisher: Wisher, application: Application, wish: Register) -> Answer | Deferred[Answer | None]:
        refusal = self._check(wisher, application.identity, wish)
        if refusal is not None:
            return RegisterRefused(refusal)
        registering = self._access.write(lambda connection: register(connection, application, self._rules))
        return registering.addCallbacks(_answer, already_told)

    def _check(self, wisher: Wisher, identity: Identity, wish: Register) -> RegisterRefusal | None:
        # The limit first: judging a card costs a signature's check, which a flood must not buy.
        if not self._limits.admit(wisher, self._clock.seconds()):
            return RegisterRefusal.RATE_LIMITED
        if not is_name(wish.name):
            return RegisterRefusal.BAD_NAME
        if wish.card and not is_card_of(wish.card, name=wish.name, provider=self._provider, identity=identity):
            return RegisterRefusal.BAD_CARD
        return None


def _answer(refusal: RegisterRefusal | None) -> Answer:
    return Registered() if refusal is None else RegisterRefused(refusal)
