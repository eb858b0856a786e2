"""Further parts of the demo, which packages add by entry points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from client.demo.scenario import Progress
from loopixmix.errors import LoopixmixError
from loopixmix.testnet.network import TestNetwork
from loopixmix.verdict import Check

GROUP = "loopixmix.demonstrations"


def installed_parts() -> list[EntryPoint]:
    """Return the further parts that installed packages offer, by name."""
    return sorted(entry_points(group=GROUP), key=lambda one: one.name)


def further_checks(
    parts: Iterable[EntryPoint], network: TestNetwork, clients: Mapping[str, Path], progress: Progress
) -> list[Check]:
    """Run each part over the network that runs, one after the other, and return what they found.

    Each is a function of the three other arguments, and returns checks. `clients`: the directories of the clients whose
    daemons run, by their addresses; `progress`: is told of its steps. What a part starts, it starts by
    `network.processes`, which stops it in the end. A part that fails or cannot be loaded is a check that failed.
    """
    return [check for part in parts for check in _checks(part, network, clients, progress)]


def _checks(part: EntryPoint, network: TestNetwork, clients: Mapping[str, Path], progress: Progress) -> list[Check]:
    try:
        demonstrate = part.load()
    except (ImportError, AttributeError) as error:
        return [_failed(part, f"{part.value} cannot be loaded: {error}")]
    try:
        found = demonstrate(network, clients, progress)
    except LoopixmixError as error:
        progress.fail()
        return [_failed(part, str(error))]
    if not isinstance(found, list) or not found or not all(isinstance(one, Check) for one in found):
        return [_failed(part, f"{part.value} returns no checks")]
    return found


def _failed(part: EntryPoint, why: str) -> Check:
    return Check(name=part.name, passed=False, value=None, expected="shown", detail=why)
