"""The hosted services of a provider: each request goes to its service, by its version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from twisted.internet.defer import Deferred

from loopixmix.drops import DropReason
from loopixmix.params import NetworkParams
from loopixmix.requests.parts import PART_VERSION
from loopixmix.routing.path import service_id
from loopixmix.sphinx import Surb
from provider.api import ClosingService, Declaration, PayloadService
from provider.hosting.asker import Asker, Hosted
from provider.hosting.asking.ending import put_away
from provider.hosting.asking.turns import Turns
from provider.hosting.carrying import Carrying
from provider.hosting.memory import RequestMemory
from provider.hosting.parted import PartedRequests
from provider.hosting.seams import HostingWorld
from provider.hosting.single import SingleRequests
from provider.hosting.times import RequestTimes

_PARTED = bytes([PART_VERSION])


@dataclass(frozen=True)
class _Service:
    """One service with the parts that serve it."""

    asker: Asker
    declaration: Declaration
    turns: Turns
    carrying: Carrying
    parted: PartedRequests

    @property
    def answered(self) -> int:
        """How many requests of several packets have an answer, or have failed."""
        return self.parted.answers.answered + self.parted.answers.failed


class ServiceHost:
    """The services of one provider."""

    def __init__(self, services: Iterable[Hosted], *, memory: RequestMemory, world: HostingWorld) -> None:
        """`services`: each has a name of its own. `memory`: the requests on the disk."""
        self._world = world
        self._memory = memory
        self._single = SingleRequests(world)
        self._times: RequestTimes | None = None
        # Sorted once: `isinstance` of a protocol takes longer than the answer to a loop, and loops are most of all.
        self._at_once: dict[bytes, PayloadService] = {}
        self._asked: dict[bytes, _Service] = {}
        for each in services:
            if isinstance(each, PayloadService):
                self._at_once[service_id(each.name)] = each
            else:
                self._asked[service_id(each.name)] = self._serve(each)
        self._answered_at_once = 0
        self._answered_before = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the services, as the network document shall list them."""
        askers = [service.asker.name for service in self._asked.values()]
        return tuple(sorted([*askers, *(service.name for service in self._at_once.values())]))

    @property
    def problem(self) -> str | None:
        """Why a service cannot be asked just now, or that it answers nothing, in one line; None if all do."""
        problems = [service.turns.problem for service in self._asked.values()]
        return next((problem for problem in [*problems, self._memory.problem] if problem is not None), None)

    @property
    def answered(self) -> int:
        """How many requests were answered since the start."""
        parted = sum(service.answered for service in self._asked.values())
        return self._answered_at_once + self._answered_before + self._single.answered + parted

    def is_service(self, recipient: bytes) -> bool:
        """Tell whether `recipient` is the id of a service here."""
        return recipient in self._asked or recipient in self._at_once

    def take(self, recipient: bytes, payload: bytes, surb: Surb | None) -> DropReason | None:
        """Take a packet to a service here; return why it is dropped, or None if it is taken."""
        at_once = self._at_once.get(recipient)
        if at_once is not None:
            self._answered_at_once += 1
            self._world.blocks.use(surb, at_once.reply(payload))
            return None
        service = self._asked[recipient]
        if service.declaration is not service.asker.declaration:
            service = self._begin_anew(recipient, service)
        if payload.startswith(_PARTED):
            return service.parted.take(payload, surb)
        return self._single.take(recipient, service.turns, payload, surb)

    def start(self) -> None:
        """Begin to look up what was carried out before."""
        self._memory.start()

    def adopt(self, params: NetworkParams) -> None:
        """Take up the parameters of the present epoch."""
        self._times = times = RequestTimes(params)
        for service in self._asked.values():
            service.carrying.adopt(times)
            service.parted.adopt(times)

    def forget_old(self) -> None:
        """Forget requests in memory that are idle or over; look again what was carried out, if that failed."""
        self._memory.start()
        for service in self._asked.values():
            service.parted.forget_old()

    def erase_ended(self) -> None:
        """Erase the requests on the disk whose time is over. To be called only while the clock is right."""
        if self._times is not None:
            self._memory.erase(self._times.ended(self._world.clock.seconds()))

    async def stop(self) -> None:
        """Break off the requests that are under way, and close the services; no call is left."""
        for service in self._asked.values():
            service.carrying.stop()
            service.turns.stop()
            service.parted.stop()
        closings = [(service.asker.name, service.asker.stop) for service in self._asked.values()]
        closings += [(each.name, each.close) for each in self._at_once.values() if isinstance(each, ClosingService)]
        # All at one time: several that hang take no longer than one.
        ending = [Deferred.fromCoroutine(put_away(*each, clock=self._world.clock)) for each in closings]
        for each in ending:
            await each
        # What was being written down when it was stopped is forgotten now, while the store is still open.
        await self._memory.settle()

    def figures(self) -> Mapping[str, str | int]:
        """Return figures for the status file: one line for each service that is asked."""
        return {f"service_{service.asker.name}": self._line(service) for service in self._asked.values()}

    def _line(self, service: _Service) -> str:
        name, answers, seats = service.asker.name, service.parted.answers, service.turns.seats
        waiting = seats.waiting + service.carrying.waiting
        return (
            f"{answers.answered} answered, {answers.failed} failed, {service.carrying.refused} refused, "
            f"{seats.taken} under way, {waiting} waiting, {service.parted.incomplete} incomplete, "
            f"{answers.unloaded} answers put aside, "
            f"{self._memory.kept_bytes(name)} bytes kept"
        )

    def _serve(self, asker: Asker) -> _Service:
        turns = Turns(asker, clock=self._world.clock)
        carrying = Carrying(asker, turns, memory=self._memory, clock=self._world.clock)
        return _Service(asker, asker.declaration, turns, carrying, PartedRequests(asker, carrying, self._world))

    def _begin_anew(self, recipient: bytes, service: _Service) -> _Service:
        """Serve a program that declares other limits than before, as it does when it is first reached."""
        # Nothing that was asked is broken off by this: what the program had not answered was lost with its connection.
        service.carrying.stop()
        service.turns.stop()
        service.parted.stop()
        self._answered_before += service.answered
        anew = self._asked[recipient] = self._serve(service.asker)
        if self._times is not None:
            anew.carrying.adopt(self._times)
            anew.parted.adopt(self._times)
        return anew
