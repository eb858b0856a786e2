"""A client on a computer whose clock is set back by an hour: its streams go on.

The client is real, and so are Twisted's timers; the computer, the network and the other nodes are in memory.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from client.api import ClientStatus
from loopixmix.process.wallclock import WallClock
from tests.worlds.clients.world import QUICK, World
from tests.worlds.networks.models import NOW_S
from tests.worlds.networks.stepped_reactors import Computer, SteppedReactor

HOUR_S = 3600.0
PARAMS = msgspec.structs.replace(QUICK, epoch_length_s=24 * 3600)
"""Epochs of a day: an hour earlier is the same epoch, so that only the timers are tried."""


class ComputersClock:
    """The clock of a world that is one computer: what its processes take, and a way to let time pass."""

    def __init__(self, computer: Computer) -> None:
        self.reactor = SteppedReactor(computer)
        self._clock = WallClock(self.reactor, time_of_day=computer.time_of_day, monotonic=computer.monotonic)
        self.seconds = self._clock.seconds
        self.callLater = self._clock.callLater

    @property
    def pending(self) -> int:
        return len(self.reactor.getDelayedCalls())

    def getDelayedCalls(self) -> list[object]:
        return []

    def run_for(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        for _ in range(round(seconds * 50)):
            if until():
                return
            self.reactor.run_for(0.02, step_s=0.02)


class OneComputer(World):
    """A world on a computer whose clock can be set."""

    def __init__(self) -> None:
        self.computer = Computer(NOW_S)
        super().__init__(params=PARAMS)

    def make_clock(self) -> ComputersClock:  # type: ignore[override]
        return ComputersClock(self.computer)


def sent(status: ClientStatus) -> int:
    return status.payload.sent + status.loop.sent + status.drop.sent


def test_set_back_by_an_hour_a_client_sends_and_receives_as_before() -> None:
    world = OneComputer()
    alice, bob = world.person("alice@home").client, world.person("bob@away").client
    world.run(alice.add_contact("bob@away"))
    world.clock.run_for(20)
    before = world.run(alice.status())

    world.computer.set_clock(-HOUR_S)
    world.clock.run_for(20)
    after = world.run(alice.status())
    # 5 packets a second: 100 on average in 20 s, fewer than 60 once in some 10^5 times (the seed is fixed besides).
    assert sent(after) - sent(before) > 60
    assert after.problem == ""

    world.run(alice.send("bob@away", b"an hour ago", kind="text", idempotency_key="1"))
    assert world.wait_for(lambda: world.run(bob.inbox()), 30)
    assert [message.body for message in world.run(bob.inbox())] == [b"an hour ago"]
    world.stop()
