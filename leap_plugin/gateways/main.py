"""Where a gateway meets the reactor and the system's randomness."""

from __future__ import annotations

from pathlib import Path

from leap_plugin.gateways.configuration import LOCK_FILE, create_gateway, load_gateway
from leap_plugin.gateways.program import MailGateway
from loopixmix.process.main import run_program, system_rng


def make_gateway(path: Path, *, domain: str, provider: str, client: str) -> None:
    """Make a new gateway in `path`; raise `ConfigError`."""
    create_gateway(path, domain=domain, provider=provider, client=client, rng=system_rng())


def run_gateway(path: Path) -> None:
    """Run the gateway of `path` until it ends; raise the `LoopixmixError` that ended it."""
    directory = load_gateway(path)
    run_program(path / LOCK_FILE, lambda world: MailGateway(directory, world=world))
