"""A test network with a mail bridge, as its user starts it, and what mail programs need to know of it."""

from __future__ import annotations

import imaplib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tests.worlds.terminal import Terminal

START_S = 300.0
BRIDGE = "mail-bridge"


@dataclass(frozen=True)
class MailSettings:
    """What `loopixmix mail setup` tells a user to type."""

    address: str
    user: str
    password: str
    imap_port: int
    smtp_port: int
    thunderbird_profile: Path


@dataclass(frozen=True)
class MailNetwork:
    """The accounts of the bridge of a network that runs."""

    alice: MailSettings
    bob: MailSettings


@contextmanager
def mail_network(directory: Path, base_port: int) -> Iterator[MailNetwork]:
    """Run a test network with mail, at `base_port` and the ports after it."""
    user = Terminal(directory / "home")
    net = directory / "net"
    sizes = ("--width", 1, "--providers", 2, "--base-port", base_port)
    user.run("testnet", "init", net, "--with", "mail", *sizes)
    try:
        user.run("testnet", "up", net, patience_s=START_S)
        _wait_for(user, "mail", "status", net / BRIDGE)
        # On a busy machine a look-up may take longer than the minute that a mail program waits for its answer.
        _wait_for(user, "client", "contacts", net / "mail-alice", "add", "mail-bob@provider-2")
        told = cast(Mapping[str, Any], user.json("mail", "setup", net / BRIDGE, "--show"))
        alice, bob = (_settings_of(account, net / BRIDGE) for account in told["accounts"])
        yield MailNetwork(alice, bob)
    finally:
        user.attempt("testnet", "down", net, patience_s=START_S)
        user.close()


def wait_for_mail(account: MailSettings, *, within_s: float) -> None:
    """Return when there is a mail in an account's INBOX."""
    deadline_s = time.monotonic() + within_s
    with imaplib.IMAP4("127.0.0.1", account.imap_port) as connection:
        connection.login(account.user, account.password)
        while connection.select("INBOX", readonly=True)[1] == [b"0"]:
            assert time.monotonic() < deadline_s, "no mail has come"
            time.sleep(1.0)


def _wait_for(user: Terminal, *command: object) -> None:
    """Give a command until it succeeds."""
    deadline_s = time.monotonic() + START_S
    while (done := user.attempt(*command, patience_s=START_S)).returncode != 0:
        assert time.monotonic() < deadline_s, done.stdout + done.stderr
        time.sleep(1.0)


def _settings_of(account: Mapping[str, Any], bridge: Path) -> MailSettings:
    return MailSettings(
        address=account["address"],
        user=account["user"],
        password=account["password"],
        imap_port=account["here"]["imap"]["port"],
        smtp_port=account["here"]["smtp"]["port"],
        thunderbird_profile=bridge / "settings" / "thunderbird",
    )
