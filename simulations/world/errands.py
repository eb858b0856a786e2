"""Requests of simulated users to a hosted service: asked, carried out, answered, and how often each.

Bodies of requests and answers begin with a number, so that the record knows each of them wherever it turns up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from loopixmix.seams import Clock, DelayedCall, Rng
from provider.api import ServiceRefusedError
from simulations.scenario.values import LEAST_BODY_BYTES, RequestLoad

SERVICE = "errands"
"""The name of the service, which every provider of a world with requests has."""

Ask: TypeAlias = Callable[[bytes], Deferred[bytes]]
"""Asks the service by a user's client: the body of a request, and its answer in the end."""


@dataclass
class Errands:
    """Every request of the simulated users.

    `executions` counts, by the number of a request, how often it was carried out. `failed` has the numbers of those
    that ended without an answer.
    """

    rules: RequestLoad
    clock: Clock
    asked_at_s: list[float] = field(default_factory=list)
    answered_at_s: dict[int, float] = field(default_factory=dict)
    executions: Counter[int] = field(default_factory=Counter)
    failed: set[int] = field(default_factory=set)

    def new_body(self) -> bytes:
        """Return the body of the next request, and note that it is asked now."""
        number = len(self.asked_at_s)
        self.asked_at_s.append(self.clock.seconds())
        return number.to_bytes(LEAST_BODY_BYTES, "big").ljust(self.rules.request_bytes, b"?")

    def carry_out(self, body: bytes) -> bytes:
        """Note that the service carries out a request, and return its answer."""
        self.executions[_number_of(body)] += 1
        return self._answer_to(body)

    def ended(self, body: bytes, answer: bytes | None) -> None:
        """Note that a request is over, with its answer or without one."""
        number = _number_of(body)
        # An answer to something else is none: parts of two answers that were mixed must show.
        if answer == self._answer_to(body):
            self.answered_at_s[number] = self.clock.seconds()
        else:
            self.failed.add(number)

    def delays_s(self, from_s: float, until_s: float) -> list[float]:
        """Return how long those requests took that were asked from `from_s` until before `until_s` and answered."""
        return [self.answered_at_s[number] - self.asked_at_s[number] for number in self._of(from_s, until_s, True)]

    def unanswered_share(self, from_s: float, until_s: float) -> float | None:
        """Return the share without an answer among those asked in that time that are over; None without any."""
        failed, answered = (len(self._of(from_s, until_s, done)) for done in (False, True))
        return failed / (failed + answered) if failed + answered else None

    def under_way_share(self, from_s: float, until_s: float) -> float:
        """Return the share that is not over yet among those asked in that time; 0 without any."""
        asked = [number for number, at_s in enumerate(self.asked_at_s) if from_s <= at_s < until_s]
        over = self.failed | self.answered_at_s.keys()
        return sum(number not in over for number in asked) / max(1, len(asked))

    def executed_twice(self) -> int:
        """Return how many requests were carried out more than once."""
        return sum(count > 1 for count in self.executions.values())

    def _of(self, from_s: float, until_s: float, answered: bool) -> list[int]:
        over = self.answered_at_s if answered else self.failed
        return [number for number in sorted(over) if from_s <= self.asked_at_s[number] < until_s]

    def _answer_to(self, body: bytes) -> bytes:
        return body[:LEAST_BODY_BYTES].ljust(self.rules.answer_bytes, b"!")


class ErrandService:
    """The hosted service: it takes its time over a request, and carries it out."""

    name = SERVICE

    def __init__(self, errands: Errands) -> None:
        """`errands`: the record of the world."""
        self._errands = errands

    async def answer(self, body: bytes) -> bytes:
        """Return the answer to a request."""
        if len(body) != self._errands.rules.request_bytes:
            raise ServiceRefusedError(f"this is no request of {self._errands.rules.request_bytes} bytes")
        if self._errands.rules.work_s > 0:
            await _pause(self._errands.clock, self._errands.rules.work_s)
        return self._errands.carry_out(body)


class Errand:
    """One user's requests, one after the other, with pauses of exponential length between them."""

    def __init__(self, errands: Errands, ask: Ask, rng: Rng) -> None:
        """`errands`: the record of the world; `ask`: by the user's client; `rng`: draws the pauses."""
        self._errands = errands
        self._ask = ask
        self._rng = rng
        self._call: DelayedCall | None = None
        self._stopped = False

    def start(self) -> None:
        """Pause, and begin."""
        pause_s = self._rng.expovariate(1 / self._errands.rules.pause_mean_s)
        self._call = self._errands.clock.callLater(pause_s, self._begin)

    def stop(self) -> None:
        """Ask nothing more; no call is left."""
        self._stopped = True
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _begin(self) -> None:
        body = self._errands.new_body()
        self._ask(body).addCallbacks(self._end, self._fail, callbackArgs=(body,), errbackArgs=(body,))

    def _fail(self, _: Failure, body: bytes) -> None:
        self._end(None, body)

    def _end(self, answer: bytes | None, body: bytes) -> None:
        # What the end of the world breaks off has neither come nor failed.
        if not self._stopped:
            self._errands.ended(body, answer)
            self.start()


async def _pause(clock: Clock, span_s: float) -> None:
    over: Deferred[None] = Deferred()
    call = clock.callLater(span_s, over.callback, None)
    try:
        await over
    except CancelledError:
        call.cancel()
        raise


def _number_of(body: bytes) -> int:
    return int.from_bytes(body[:LEAST_BODY_BYTES], "big")
