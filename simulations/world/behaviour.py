"""Users' behaviour: they come and go, and write to their contacts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from client.api import ReceivedMessage, TimeEstimate
from loopixmix.cover.poisson import PoissonStream
from loopixmix.cover.timer import PoissonTimer
from loopixmix.errors import MisuseError
from loopixmix.seams import Clock, DelayedCall, Rng
from simulations.scenario.values import Users
from simulations.world.users import NUMBER_BYTES, User, number_of

KIND = "simulation"
LinkedSince: TypeAlias = Callable[[float], bool]
"""Tells whether a user has been linked from a time until now, without a pause."""
_DAY_S = 86_400.0


@dataclass
class Letters:
    """Every message of the simulated users: when it was handed over and when its recipient had it."""

    clock: Clock
    body_bytes: int
    sent_at_s: list[float] = field(default_factory=list)
    received_at_s: dict[int, float] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
    """The numbers of messages that the client did not take."""
    foretells: bool = False
    """Whether clients are asked, before they get a message, how long it will take."""
    foretold_s: dict[int, float] = field(default_factory=dict)
    """What they said, on average, by the number of the message."""
    interrupted: set[int] = field(default_factory=set)
    """The messages that came, but while sender or recipient was not linked all the time."""
    _senders: list[LinkedSince] = field(default_factory=list)

    def new_body(self, sender: LinkedSince) -> bytes:
        """Return the body of the next message and note that `sender` hands it over now."""
        number = len(self.sent_at_s)
        self.sent_at_s.append(self.clock.seconds())
        self._senders.append(sender)
        return number.to_bytes(NUMBER_BYTES, "big").ljust(self.body_bytes, b"\0")

    def received(self, message: ReceivedMessage, recipient: LinkedSince) -> None:
        """Note that a message has come to `recipient`."""
        number = number_of(message)
        # The first time counts, should a client be told of a message twice.
        if number in self.received_at_s:
            return
        self.received_at_s[number] = self.clock.seconds()
        sent_at_s = self.sent_at_s[number]
        if not (self._senders[number](sent_at_s) and recipient(sent_at_s)):
            self.interrupted.add(number)

    def foretold_mean_s(self, from_s: float, until_s: float) -> float:
        """Return the mean of what clients said of those messages; raise `MisuseError` if they said nothing."""
        told = [mean_s for number, mean_s in self.foretold_s.items() if from_s <= self.sent_at_s[number] < until_s]
        if not told:
            raise MisuseError("no client was asked how long a message will take")
        return sum(told) / len(told)

    def delays_s(self, from_s: float, until_s: float, *, linked: bool = False) -> list[float]:
        """Return how long those messages took that were handed over from `from_s` until before `until_s` and came.

        `linked`: only those whose sender and recipient were linked all the while.
        """
        return [
            at_s - self.sent_at_s[number]
            for number, at_s in sorted(self.received_at_s.items())
            if from_s <= self.sent_at_s[number] < until_s and not (linked and number in self.interrupted)
        ]

    def under_way_share(self, from_s: float, until_s: float) -> float:
        """Return the share that has not come yet among those taken in that time; 0 without any."""
        taken = [
            number
            for number, at_s in enumerate(self.sent_at_s)
            if from_s <= at_s < until_s and number not in self.refused
        ]
        return sum(number not in self.received_at_s for number in taken) / max(1, len(taken))


class Behaviour:
    """One user: online in sessions of exponential length, writing as a Poisson process, online or not."""

    def __init__(
        self, user: User, contacts: Sequence[User], *, rules: Users, letters: Letters, clock: Clock, rng: Rng
    ) -> None:
        """`contacts`: to whom it writes; `rules`: how often, and how long it is linked; `rng`: draws its life."""
        self.user = user
        self._contacts = tuple(contacts)
        self._letters = letters
        self._clock = clock
        self._rng = rng
        self._online_mean_s = rules.session_mean_s
        # From p = on / (on + off), the share of users that is linked at any moment.
        self._offline_mean_s = rules.session_mean_s * (1 - rules.online_share) / rules.online_share
        self._session_call: DelayedCall | None = None
        self._writing: PoissonTimer | None = None
        if rules.messages_per_day > 0 and contacts:
            stream = PoissonStream(rules.messages_per_day / _DAY_S, rng)
            self._writing = PoissonTimer(stream, clock=clock, on_due=self._write)
        self._online_share = rules.online_share
        self._online_s = 0.0
        self._turned_at_s = clock.seconds()

    def online_s(self) -> float:
        """Return for how many seconds the user was linked so far."""
        present_s = self._clock.seconds() - self._turned_at_s if self.user.online else 0.0
        return self._online_s + present_s

    def linked_since(self, at_s: float) -> bool:
        """Tell whether the user has been linked from a time until now, without a pause."""
        return self.user.online and self._turned_at_s <= at_s

    def begin(self) -> None:
        """Be online or not, as at any moment; call it before the client starts."""
        # In the steady state from the beginning: if all began linked, the first sessions would be too many and all end
        # at once.
        self.user.link.online = self._rng.random() < self._online_share

    def start(self) -> None:
        """Begin to write, and to come and go."""
        self.user.service.on_received(KIND, self._received)
        if self._writing is not None:
            self._writing.start()
        if self._offline_mean_s > 0:
            self._wait()

    def stop(self) -> None:
        """Do nothing more; no call is left."""
        if self._writing is not None:
            self._writing.stop()
        if self._session_call is not None and self._session_call.active():
            self._session_call.cancel()

    def _wait(self) -> None:
        mean_s = self._online_mean_s if self.user.online else self._offline_mean_s
        self._session_call = self._clock.callLater(self._rng.expovariate(1 / mean_s), self._turn)

    def _turn(self) -> None:
        self._online_s, self._turned_at_s = self.online_s(), self._clock.seconds()
        if self.user.online:
            self.user.go_offline()
        else:
            self.user.go_online()
        self._wait()

    def write(self) -> None:
        """Write to one of the contacts now; nothing if there is none."""
        if self._contacts:
            self._write()

    def _received(self, message: ReceivedMessage) -> None:
        self._letters.received(message, self.linked_since)

    def _write(self) -> None:
        number = len(self._letters.sent_at_s)
        body, to = self._letters.new_body(self.linked_since), self._rng.choice(self._contacts).plan.address
        if self._letters.foretells:
            self.user.estimate(len(body), to).addCallback(partial(self._foretold, number))
        sending = self.user.send(to, body, kind=KIND, key=body[:NUMBER_BYTES].hex())
        sending.addErrback(partial(self._not_taken, number))

    def _foretold(self, number: int, estimate: TimeEstimate) -> None:
        self._letters.foretold_s[number] = estimate.mean_s

    def _not_taken(self, number: int, _: object) -> None:
        self._letters.refused.add(number)
