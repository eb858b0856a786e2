from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from client.running.gate import Gate
from tests.worlds.clients.parts import outcome


def pass_through(gate: Gate) -> Deferred[None]:
    return Deferred.fromCoroutine(gate.passing())


def test_all_wait_until_it_opens() -> None:
    gate = Gate()
    waiting = [pass_through(gate) for _ in range(3)]
    assert not any(each.called for each in waiting)
    gate.open()
    assert [outcome(each) for each in waiting] == [None] * 3
    assert outcome(pass_through(gate)) is None


@pytest.mark.parametrize("was_open", [False, True])
def test_all_are_turned_away_once_it_is_shut(was_open: bool) -> None:
    gate = Gate()
    if was_open:
        gate.open()
    gate.shut(LookupError("nobody home"))
    failure = outcome(pass_through(gate))
    assert isinstance(failure, Failure)
    assert failure.check(LookupError)
    assert not gate.is_open


def test_those_who_wait_are_turned_away_when_it_is_shut() -> None:
    gate = Gate()
    waiting = pass_through(gate)
    gate.shut(LookupError())
    failure = outcome(waiting)
    assert isinstance(failure, Failure)
    assert failure.check(LookupError)


def test_who_went_away_while_waiting_is_left_alone() -> None:
    gate = Gate()
    waiting, other = pass_through(gate), pass_through(gate)
    waiting.addErrback(lambda failure: None)
    waiting.cancel()
    gate.open()
    assert outcome(other) is None
