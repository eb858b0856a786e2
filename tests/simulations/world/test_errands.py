"""Requests of simulated users: asked by the deployed client, carried out once, answered with what was asked for."""

from __future__ import annotations

from random import Random

import pytest
from twisted.internet.defer import Deferred

from provider.api import ServiceRefusedError
from simulations.scenario.values import RequestLoad
from simulations.world.clock import EventClock
from simulations.world.errands import Errand, Errands, ErrandService
from simulations.world.nodes import WRITE_S
from tests.worlds.simulations.node_worlds import world_of

ASKING = {"requests.pause_mean_s": 0.5, "requests.request_bytes": 500, "users.messages_per_day": 0.0}


class Bench:
    """A record of requests, and one user whose client is this test."""

    def __init__(self, rules: RequestLoad) -> None:
        self.clock = EventClock(1000.0)
        self.errands = Errands(rules, self.clock)
        self.service = ErrandService(self.errands)
        self.asked: list[tuple[bytes, Deferred[bytes]]] = []
        self.errand = Errand(self.errands, self._ask, Random(1))

    def _ask(self, body: bytes) -> Deferred[bytes]:
        self.asked.append((body, Deferred()))
        return self.asked[-1][1]

    def carry_out(self, body: bytes) -> bytes:
        answers: list[bytes] = []
        Deferred.fromCoroutine(self.service.answer(body)).addCallback(answers.append)
        self.clock.run_until(self.clock.seconds() + self.errands.rules.work_s)
        [answer] = answers
        return answer


def test_a_user_asks_waits_pauses_and_asks_again() -> None:
    bench = Bench(RequestLoad(request_bytes=20, answer_bytes=30, pause_mean_s=5.0))
    bench.errand.start()
    bench.clock.run_until(1100.0)
    [(body, asking)] = bench.asked
    assert len(body) == 20

    answer = bench.carry_out(body)
    assert len(answer) == 30
    asked_at_s = bench.errands.asked_at_s[0]
    asking.callback(answer)
    assert bench.errands.delays_s(1000.0, 1100.0) == [1100.0 - asked_at_s]
    assert bench.errands.delays_s(1100.0, 1200.0) == []
    assert bench.errands.unanswered_share(1000.0, 1100.0) == 0.0

    bench.clock.run_until(1200.0)
    assert len(bench.asked) == 2
    assert bench.asked[1][0] != body
    bench.errand.stop()
    assert bench.clock.pending == 0


@pytest.mark.parametrize("wrong", [b"", b"\0" * 30, b"of another request".ljust(30, b"!")])
def test_a_wrong_answer_is_none(wrong: bytes) -> None:
    bench = Bench(RequestLoad(request_bytes=20, answer_bytes=30, pause_mean_s=5.0))
    bench.errand.start()
    bench.clock.run_until(1100.0)
    bench.asked[0][1].callback(wrong)
    assert bench.errands.delays_s(1000.0, 1100.0) == []
    assert bench.errands.unanswered_share(1000.0, 1100.0) == 1.0
    bench.errand.stop()


def test_what_was_broken_off_at_the_end_has_neither_come_nor_failed() -> None:
    bench = Bench(RequestLoad(pause_mean_s=5.0))
    bench.errand.start()
    bench.clock.run_until(1100.0)
    bench.errand.stop()
    bench.asked[0][1].errback(ServiceRefusedError("the client is stopping"))
    assert bench.errands.unanswered_share(1000.0, 1100.0) is None
    assert bench.clock.pending == 0


def test_what_is_carried_out_twice_shows() -> None:
    bench = Bench(RequestLoad(request_bytes=20, work_s=3.0))
    first, second = bench.errands.new_body(), bench.errands.new_body()
    for body in (first, second, first):
        bench.carry_out(body)
    assert bench.errands.executed_twice() == 1
    assert bench.clock.seconds() == 1009.0


def test_a_body_of_another_length_is_refused() -> None:
    bench = Bench(RequestLoad(request_bytes=20))
    refusals: list[object] = []
    Deferred.fromCoroutine(bench.service.answer(bytes(21))).addErrback(
        lambda failure: refusals.append(failure.trap(ServiceRefusedError))
    )
    assert refusals == [ServiceRefusedError]
    assert not bench.errands.executions


def test_work_that_is_broken_off_leaves_no_call() -> None:
    bench = Bench(RequestLoad(request_bytes=20, work_s=3.0))
    working = Deferred.fromCoroutine(bench.service.answer(bench.errands.new_body()))
    working.addErrback(lambda _: None)
    working.cancel()
    assert bench.clock.pending == 0
    assert not bench.errands.executions


@pytest.mark.parametrize("loss", [0.0, 0.01])
@pytest.mark.parametrize("cryptography", [False, True])
def test_requests_of_deployed_clients_are_carried_out_once_and_answered(loss: float, cryptography: bool) -> None:
    world = world_of({**ASKING, "links.loss": loss, "packets.cryptography": cryptography})
    world.start()
    world.run_for(30)
    errands = world.errands
    assert errands is not None
    asked = len(errands.asked_at_s)
    world.stop()

    # H0: about 100 in 30 s; none fails within ten minutes, and at most twelve are under way.
    assert asked > 60
    assert len(errands.answered_at_s) >= asked - 12
    assert not errands.failed
    assert errands.executed_twice() == 0
    assert set(errands.answered_at_s) <= set(errands.executions)
    assert world.clock.pending == 0


def test_answers_that_outlast_an_epoch_come_and_nothing_is_carried_out_twice() -> None:
    long = {**ASKING, "requests.answer_bytes": 40_000, "users.count": 6, "links.loss": 0.004}
    world = world_of(long, epoch_length_s=25)
    world.start()
    world.run_for(90)
    errands = world.errands
    assert errands is not None
    spans = [
        (asked_s, errands.answered_at_s[n])
        for n, asked_s in enumerate(errands.asked_at_s)
        if n in errands.answered_at_s
    ]
    world.stop()

    # Three edges; six users are asking at any time, and each answer takes several seconds.
    edges = [world.start_s + 25 * number for number in (1, 2, 3)]
    assert all(any(asked_s < edge < answered_s for asked_s, answered_s in spans) for edge in edges)
    assert not errands.failed
    assert errands.executed_twice() == 0


def test_a_world_that_stops_while_a_request_is_being_written_down_waits_for_that_disk() -> None:
    # A request is written down for `WRITE_S` before it is carried out: when that is shows in another world like it.
    foresight = world_of(ASKING)
    foresight.start()
    assert foresight.errands is not None
    while not foresight.errands.executions:
        foresight.clock.step()
    carried_out_s = foresight.clock.seconds()
    foresight.stop()

    world = world_of(ASKING)
    world.start()
    world.run_until(carried_out_s - WRITE_S / 2)
    world.stop()
    # The disk has answered then, and the service was not asked any more.
    assert world.clock.seconds() == pytest.approx(carried_out_s, abs=1e-6)
    assert world.clock.pending == 0
    assert world.errands is not None
    assert not world.errands.executions
