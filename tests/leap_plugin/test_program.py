"""What a bridge says of itself before it runs, and while it ends."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import cast

from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.task import Clock

from leap_plugin.directory.making import make_unasked
from leap_plugin.program import MailBridge
from loopixmix.process.program import World
from loopixmix.process.wallclock import ClockWatch


def bridge(directory: Path, *accounts: str) -> MailBridge:
    """Return a bridge that does not run, or runs no more."""
    made = make_unasked(
        directory / "bridge", [(one, directory / one) for one in accounts], (0, 0), rng=Random(1), now_s=1.0
    )
    # Neither is used: nothing is opened.
    reactor = cast(PosixReactorBase, None)
    clock = Clock()
    world = World(reactor=reactor, clock=clock, clock_watch=ClockWatch(clock), rng=Random(1), end=lambda *_: None)
    return MailBridge(made, world=world)


def test_a_bridge_that_ends_does_not_say_that_it_has_no_accounts(tmp_path: Path) -> None:
    report = bridge(tmp_path, "alice@provider-1").status()
    assert (report.problem, report.accounts, report.ports) == (None, (), ())


def test_a_bridge_without_accounts_says_how_to_get_one(tmp_path: Path) -> None:
    assert "loopixmix mail setup adds one" in (bridge(tmp_path).status().problem or "")
