"""A client on a computer whose clock is set by an hour: its streams go on, nothing waits, nothing counts as lost.

The client is real, and so are Twisted's timers; the computer, the network and the other nodes are in memory.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from client.api import ClientStatus, MessageState, ReceivedMessage, RequestState
from loopixmix.params import NetworkParams
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
        # At least once: who waits for the rest of a moment would wait for ever.
        for _ in range(max(1, round(seconds * 50))):
            if until():
                return
            self.reactor.run_for(0.02, step_s=0.02)


class OneComputer(World):
    """A world on a computer whose clock can be set."""

    def __init__(self, params: NetworkParams = PARAMS) -> None:
        self.computer = Computer(NOW_S)
        super().__init__(params=params)

    def monotonic(self) -> float:
        return self.computer.monotonic()

    def make_clock(self) -> ComputersClock:  # type: ignore[override]
        return ComputersClock(self.computer)


def pulls_of(world: World) -> int:
    return sum(mailbox.pulls for mailbox in world.providers["home"].mailboxes.values())


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


@pytest.mark.parametrize("by_s", [-0.9, -10 * 86_400.0, 10 * 86_400.0])
def test_whatever_the_clock_says_streams_go_on_or_are_a_problem(by_s: float) -> None:
    """Set back by days, the document lies ahead; set on by days, it has expired, and nothing can be made."""
    world = OneComputer(msgspec.structs.replace(PARAMS, epoch_length_s=3600))
    alice = world.person("alice@home").client
    world.clock.run_for(10)
    before, pulled = world.run(alice.status()), pulls_of(world)
    world.computer.set_clock(by_s)
    world.clock.run_for(20)
    after = world.run(alice.status())
    goes_on = by_s < 0
    assert (sent(after) - sent(before) > 60) is goes_on
    assert (pulls_of(world) - pulled > 30) is goes_on
    assert (after.problem != "") is (abs(by_s) > 60)
    assert ("clock" in after.problem) is (abs(by_s) > 60)
    assert after.time_agreed is (abs(by_s) < 60)
    world.computer.set_clock(-by_s)
    world.clock.run_for(20)
    again = world.run(alice.status())
    # What was lost meanwhile, because the mixes of this world have the same clock, is another problem.
    assert "clock" not in again.problem
    assert again.time_agreed
    assert sent(again) - sent(after) > 60
    world.stop()


@pytest.mark.parametrize("by_s", [10 * 86_400.0, 400 * 86_400.0])
def test_nothing_expires_before_the_network_agrees_about_the_time(by_s: float) -> None:
    world = OneComputer()
    alice, bob = world.person("alice@home").client, world.person("bob@away").client
    world.run(alice.add_contact("bob@away"))
    world.loss = 1.0
    deadline_s = world.clock.seconds() + 3600
    message_id = world.run(alice.send("bob@away", b"patience", kind="text", idempotency_key="1"))
    urgent = world.run(alice.send("bob@away", b"x", kind="text", idempotency_key="2", deadline_s=deadline_s))
    posted = world.run(alice.post_request("echo", b"?", idempotency_key="3", deadline_s=deadline_s))
    world.clock.run_for(5)
    world.computer.set_clock(by_s)
    # Through several rounds, those once a minute too.
    world.clock.run_for(150)
    for each in (message_id, urgent):
        assert world.run(alice.message(each)).state in (MessageState.SENDING, MessageState.RETRYING)
    assert world.run(alice.answer(posted)).state in (RequestState.QUEUED, RequestState.ASKING)
    world.computer.set_clock(-by_s)
    world.loss = 0.0
    assert world.wait_for(lambda: len(world.run(bob.inbox())) == 2, 120)
    assert world.wait_for(lambda: world.run(alice.answer(posted)).state is RequestState.ANSWERED, 120)
    world.stop()


def test_what_was_sent_by_a_clock_that_was_behind_is_not_too_old_afterwards() -> None:
    """As on a small computer that has lost its clock's battery: it begins in another year until it hears the time."""
    world = OneComputer()
    alice, _ = world.person("alice@home").client, world.person("bob@away")
    world.run(alice.add_contact("bob@away"))
    world.loss = 1.0
    world.computer.set_clock(-400 * 86_400.0)
    waits = world.run(alice.send("bob@away", b"patience", kind="text", idempotency_key="1"))
    posted = world.run(alice.post_request("echo", b"?", idempotency_key="2"))
    world.clock.run_for(5)
    world.computer.set_clock(400 * 86_400.0)
    # Through more than one round, those once a minute too.
    world.clock.run_for(70)
    # None has failed. They arrive with the next document: by that clock, the nodes of this world have erased keys, as
    # true ones do after some minutes.
    assert world.run(alice.message(waits)).state in (MessageState.QUEUED, MessageState.SENDING, MessageState.RETRYING)
    assert world.run(alice.answer(posted)).state in (RequestState.QUEUED, RequestState.ASKING)
    world.stop()


def test_set_back_by_an_hour_what_was_lost_is_sent_again_soon() -> None:
    world = OneComputer()
    alice, bob = world.person("alice@home").client, world.person("bob@away").client
    world.run(alice.add_contact("bob@away"))
    world.loss = 1.0
    world.run(alice.send("bob@away", b"lost at first", kind="text", idempotency_key="1"))
    world.clock.run_for(3)
    world.computer.set_clock(-HOUR_S)
    world.loss = 0.0
    assert world.wait_for(lambda: world.run(bob.inbox()), 60)
    world.stop()


def test_set_back_by_an_hour_a_callback_that_failed_is_asked_again_soon() -> None:
    world = OneComputer()
    alice, bob = world.person("alice@home").client, world.person("bob@away").client
    world.run(alice.add_contact("bob@away"))
    offered: list[float] = []

    def fail_twice(message: ReceivedMessage) -> None:
        offered.append(world.clock.seconds())
        if len(offered) < 3:
            raise OSError("no space")

    bob.on_received("text", fail_twice)
    world.run(alice.send("bob@away", b"x", kind="text", idempotency_key="1"))
    assert world.wait_for(lambda: offered, 60)
    world.computer.set_clock(-HOUR_S)
    world.clock.run_for(10)
    assert len(offered) == 3
    world.stop()


def test_set_on_by_an_hour_nothing_counts_as_lost() -> None:
    world = OneComputer(msgspec.structs.replace(PARAMS, loop_rate_per_s=20.0, pull_batch=40))
    alice = world.person("alice@home").client
    world.clock.run_for(10)
    world.computer.set_clock(HOUR_S)
    world.clock.run_for(20)
    status = world.run(alice.status())
    assert status.loops_returned > 100
    assert (status.loops_lost, status.problem) == (0, "")
    world.stop()
