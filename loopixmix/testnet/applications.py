"""What installed applications need of a test network, found by entry points."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import entry_points

from loopixmix.errors import ConfigError
from loopixmix.testnet.plan import Additions, TestnetPlan

GROUP = "loopixmix.testnet"


def plan_with(plan: TestnetPlan, names: Iterable[str]) -> TestnetPlan:
    """Return a plan with what the applications `names` need.

    Each is an entry point of the group `loopixmix.testnet`, by this name: a function that takes the plan so far and
    returns `Additions`. Raises `ConfigError` if one is not installed, or needs what cannot be.
    """
    for name in names:
        found = list(entry_points(group=GROUP, name=name))
        if not found:
            known = ", ".join(sorted(entry_points(group=GROUP).names)) or "none"
            raise ConfigError(f'no installed package says what "{name}" needs of a test network (installed: {known})')
        try:
            make = found[0].load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(f'"{name}" ({found[0].value}) cannot be loaded: {error}') from error
        additions = make(plan)
        if not isinstance(additions, Additions):
            raise ConfigError(f'"{name}" ({found[0].value}) returns no Additions for a test network')
        plan = plan.with_additions(additions)
    return plan
