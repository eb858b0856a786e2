"""What installed applications need of a test network."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopixmix.errors import ConfigError
from loopixmix.testnet.applications import plan_with
from loopixmix.testnet.plan import Additions, PlannedClient, TestnetPlan


def voting(plan: TestnetPlan) -> Additions:
    """Take as many voters as there are providers."""
    return Additions(clients=tuple(PlannedClient(f"voter-{n}", provider=n) for n in range(1, plan.providers + 1)))


def careless(plan: TestnetPlan) -> object:
    """Return something else."""
    return {"clients": ["carol"]}


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package with entry points of its own."""
    folder = tmp_path / "voting-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.4\nName: voting\nVersion: 1.0\n")
    entries = (f"voting = {__name__}:voting", f"careless = {__name__}:careless", "broken = no_such_module:plan")
    (folder / "entry_points.txt").write_text("[loopixmix.testnet]\n" + "\n".join(entries) + "\n")
    monkeypatch.syspath_prepend(tmp_path)


def test_an_application_says_what_it_needs_of_this_plan() -> None:
    assert plan_with(TestnetPlan(), ()) == TestnetPlan()
    plan = plan_with(TestnetPlan(providers=3), ["voting"])
    assert [client.name for client in plan.clients] == ["voter-1", "voter-2", "voter-3"]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("chess", r'no installed package says what "chess" needs .*\(installed: broken, careless, mail, voting\)'),
        ("broken", r'"broken" \(no_such_module:plan\) cannot be loaded'),
        ("careless", r'"careless" .* returns no Additions'),
    ],
)
def test_what_is_not_installed_or_broken_is_said(name: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        plan_with(TestnetPlan(), [name])


def test_the_same_application_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match='"voter-1" stands there twice'):
        plan_with(TestnetPlan(), ["voting", "voting"])
