"""The client of an account: started if its daemon does not run, and told of in one line."""

from __future__ import annotations

import random
from pathlib import Path
from typing import cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from client.api import Client, ClientStatus, NotRunningError, StreamStatus
from leap_plugin.bridge.account_client import LONGEST_AGAIN_S, LOOK_EVERY_S, AccountClient
from loopixmix.errors import StoreError

ALICE = "alice@provider-1"
STREAM = StreamStatus(rate_per_s=1.0, sent=0)


def status(address: str = ALICE, *, connected: bool = True, guest: bool = False, problem: str = "") -> ClientStatus:
    return ClientStatus(
        address=address,
        registered=bool(address) or guest,
        connected=connected,
        epoch=1,
        problem=problem,
        queued_messages=0,
        queued_fragments=0,
        unread=0,
        payload=STREAM,
        loop=STREAM,
        drop=STREAM,
        real_sent=0,
        loops_returned=0,
        loops_lost=0,
        loop_round_trip_mean_s=0.0,
        expected_delivery_s=0.0,
        guest=guest,
    )


class ScriptedClient:
    """Says of itself what the test says."""

    def __init__(self, said: ClientStatus | Exception) -> None:
        self.said = said

    async def status(self) -> ClientStatus:
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


class Kept:
    """An account's client that is looked after."""

    def __init__(self, said: ClientStatus | Exception, *, starts: bool = True) -> None:
        self.client = ScriptedClient(said)
        self.clock = Clock()
        self.started: list[Path] = []
        self.start_fails: Exception | None = None
        self.keeper = AccountClient(
            ALICE,
            Path("alice"),
            cast(Client, self.client),
            start_daemon=self._start if starts else None,
            clock=self.clock,
            rng=random.Random(1),
        )
        self.keeper.start()

    async def _start(self, directory: Path) -> None:
        self.started.append(directory)
        if self.start_fails is not None:
            raise self.start_fails

    def stop(self) -> None:
        Deferred.fromCoroutine(self.keeper.stop())
        assert self.clock.getDelayedCalls() == []


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (status(), ""),
        (status(""), "not registered yet"),
        (status("", guest=True), "of a guest"),
        (status("mallory@provider-1"), "mail.toml says alice@provider-1"),
        (status(problem="packets are being dropped"), "packets are being dropped"),
        (status(connected=False), "not linked"),
        (StoreError("the disk is full"), "the disk is full"),
    ],
)
def test_its_state_is_told_in_one_line(said: ClientStatus | Exception, problem: str) -> None:
    kept = Kept(said)
    assert problem in kept.keeper.problem
    assert bool(problem) == bool(kept.keeper.problem)
    assert kept.started == []
    kept.stop()


def test_a_daemon_that_does_not_run_is_started_and_looked_at_again() -> None:
    kept = Kept(status())
    kept.client.said = NotRunningError("it does not run")
    kept.clock.advance(LOOK_EVERY_S)
    assert kept.started == [Path("alice")]
    assert kept.keeper.status is None
    kept.client.said = status()
    kept.clock.advance(LOOK_EVERY_S)
    assert kept.keeper.problem == ""
    assert kept.keeper.status == status()
    kept.stop()


def test_one_that_cannot_be_started_is_tried_again_ever_more_seldom() -> None:
    kept = Kept(status())
    kept.start_fails = NotRunningError("the client daemon ended: broken")
    kept.client.said = NotRunningError("it does not run")
    for _ in range(600):
        kept.clock.advance(1)
    assert "cannot be started: the client daemon ended: broken" in kept.keeper.problem
    assert 600 / LONGEST_AGAIN_S < len(kept.started) < 60
    kept.stop()


def test_none_is_started_where_somebody_else_does_that() -> None:
    kept = Kept(NotRunningError("it does not run"), starts=False)
    assert "loopixmix client run" in kept.keeper.problem
    assert kept.started == []
    kept.stop()
