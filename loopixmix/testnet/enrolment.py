"""The accounts of a test network's clients: opened once, by the command that a user would give."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import msgspec

from loopixmix.errors import UnavailableError
from loopixmix.process.background import loopixmix_command
from loopixmix.testnet.plan import PlannedClient, provider_name

COMMAND_TIMEOUT_S = 120.0


class _Status(msgspec.Struct):
    """The part of a client's status that is looked at."""

    registered: bool


def enrol(clients: Iterable[PlannedClient], directory: Path) -> None:
    """Open the accounts of those who have none; raise `UnavailableError` with the command's own words if one fails."""
    for client in clients:
        where = str(directory / client.name)
        status = msgspec.json.decode(_told("client", "status", where, "--json"), type=_Status)
        if status.registered:
            continue
        provider = provider_name(client.provider)
        account = ["--guest", "--provider", provider] if client.guest else [f"{client.name}@{provider}"]
        _told("client", "register", where, *account)


def _told(*arguments: str) -> bytes:
    # In processes of their own: each runs a reactor, and this process may have one.
    try:
        done = subprocess.run(
            loopixmix_command(*arguments), capture_output=True, check=False, timeout=COMMAND_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"loopixmix {' '.join(arguments)}: not done in {COMMAND_TIMEOUT_S:g} s") from error
    if done.returncode != 0:
        raise UnavailableError(f"loopixmix {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
