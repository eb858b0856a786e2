"""Parts that other packages add to the demo: what they find, and what becomes of those that fail."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from client.demo.further import GROUP, further_checks, installed_parts
from loopixmix.errors import UnavailableError
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import TestnetPlan
from loopixmix.verdict import Check


class Told:
    """Keeps what a person would see."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int]] = []
        self.failed = 0

    def step(self, text: str, total: int) -> None:
        self.steps.append((text, total))

    def done(self, parts: int) -> None:
        """Nothing is made of it here."""

    def fail(self) -> None:
        self.failed += 1


FOUND = Check(name="a poll", passed=True, value="3 votes", expected="3 votes")
CLIENTS = {"alice@provider-1": Path("alice")}


def show_a_poll(network: TestNetwork, clients: dict[str, Path], progress: Told) -> list[Check]:
    """A part as a package writes it."""
    assert clients == CLIENTS
    progress.step("voting", 3)
    return [FOUND]


def fail(*_: object) -> list[Check]:
    raise UnavailableError("nobody answers")


def find_nothing(*_: object) -> list[Check]:
    return []


@pytest.fixture
def network(tmp_path: Path) -> TestNetwork:
    return TestNetwork.create(tmp_path / "net", TestnetPlan(base_port=31_380))


def part(name: str) -> EntryPoint:
    return EntryPoint(name, f"{__name__}:{name}", GROUP)


def test_parts_are_shown_the_network_and_their_checks_count(network: TestNetwork) -> None:
    told = Told()
    assert further_checks([part("show_a_poll")], network, CLIENTS, told) == [FOUND]
    assert told.steps == [("voting", 3)]


@pytest.mark.parametrize(
    ("name", "problem"), [("fail", "nobody answers"), ("missing", "cannot be loaded"), ("find_nothing", "no checks")]
)
def test_a_part_that_fails_spoils_no_other(network: TestNetwork, name: str, problem: str) -> None:
    told = Told()
    failed, found = further_checks([part(name), part("show_a_poll")], network, CLIENTS, told)
    assert told.failed == (name == "fail")
    assert (failed.name, failed.passed, found) == (name, False, FOUND)
    assert problem in failed.detail


def test_the_installed_parts_are_found_by_name() -> None:
    names = [one.name for one in installed_parts()]
    assert names == sorted(names)
