"""A voter's code on the command line of real processes, as everybody on the machine can list them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.worlds.clients.fake_daemons import TRUST_ROOT
from tests.worlds.terminal import Terminal
from votes.credentials.codes import code_of, shown_code
from votes.credentials.invitation import Invitation

CODE = shown_code(code_of(bytes(range(15))))
INVITATION = Invitation(bytes(32), 0, ()).encode()
WITHIN_S = 30.0


@pytest.fixture
def voter(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path / "home")
    (terminal.home / "network.toml").write_text(TRUST_ROOT)
    yield terminal
    terminal.attempt("client", "stop", "voter")
    terminal.close()


def voting(*code: str) -> tuple[str, ...]:
    return ("vote", *code, "--invitation", INVITATION, "--network", "network.toml", "--client", "voter")


def words_and_variables(process: psutil.Process) -> list[str]:
    try:
        return [*process.cmdline(), *process.environ().values()]
    except psutil.NoSuchProcess:
        return []


def test_neither_the_program_nor_its_client_show_the_code_in_the_list_of_processes(voter: Terminal) -> None:
    # Its network cannot be reached: it waits, and so does the client that it starts.
    process = psutil.Process(voter.start(*voting(CODE)).pid)
    until_s = time.monotonic() + WITHIN_S
    # While a program takes the place of the one that started it, its list of words is empty for a moment.
    while "--code-file" not in process.cmdline():
        assert time.monotonic() < until_s
        time.sleep(0.01)
    assert CODE not in process.cmdline()
    lock = voter.home / "voter" / "client.lock"
    while not lock.exists() or not lock.read_text():
        assert time.monotonic() < until_s
        time.sleep(0.05)
    client = psutil.Process(int(lock.read_text()))
    for each in (process, client, *process.children(recursive=True)):
        assert not any(CODE in word for word in words_and_variables(each))
    assert any("client" in word for word in client.cmdline())


def test_a_code_that_is_typed_is_not_shown(voter: Terminal) -> None:
    shown = voter.look(*voting(), question="code: ", answer=f"{CODE[:-1]}0\n")
    assert "mistyped" in shown[-1]
    assert not any(CODE[:5] in line for line in shown)
