"""The part that mail has in `loopixmix demo`: an entry point of the group `loopixmix.demonstrations`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from leap_plugin.demo.mailing import DemoBridge, mailing_checks
from leap_plugin.directory.making import make_unasked
from leap_plugin.directory.passwords import MailPasswords
from leap_plugin.directory.trace_file import load_trace_key
from loopixmix.process.main import system_rng
from loopixmix.progress import Steps
from loopixmix.testnet.network import TestNetwork
from loopixmix.verdict import Check

NAME = "mail"


def demonstrate(network: TestNetwork, clients: Mapping[str, Path], progress: Steps) -> list[Check]:
    """Start a bridge with two accounts, mail a file from one to the other, and return what came of it."""
    progress.step("mailing a file through SMTP and IMAP", 2)
    rng = system_rng()
    accounts = list(clients.items())[:2]
    directory = make_unasked(network.directory / NAME, accounts, (0, 0), rng=rng, now_s=time.time())
    logins = [account.login for account in directory.config.accounts]
    network.processes.start(NAME, ["mail", "run", str(directory.path)])
    passwords = {login: MailPasswords(directory.path).make_local(login, rng) for login in logins}
    bridge = DemoBridge(directory.path, load_trace_key(directory.path), passwords)
    progress.done(1)
    checks = mailing_checks(bridge, logins[0], logins[1], rng)
    progress.done(2)
    return checks
