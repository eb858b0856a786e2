"""A provider's store is killed at any moment; what was acknowledged is there afterwards, and what was deleted is not.

A process stores and deletes items as a provider does, through the threads and group commits of `threaded_access`, and
says what has been committed. It is killed (SIGKILL) again and again at random moments, and the store is looked at.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from provider.mailbox import Fetch, Fresh
from provider.store import MailStore
from provider.store.items import take_items
from tests.worlds.databases import new_database

ROUNDS = 6
ALL = Fetch((), Fresh(0, 10**6), Fresh(0, 10**6))
USERS = [bytes([n]) * 32 for n in (1, 2, 3)]

PROGRAM = """
import os, queue, random, sys
from loopixmix.wire import ItemKind
from provider.accounts import RegistrationMode, RegistrationRules
from provider.mailbox import Fetch, Fresh, MailboxRules
from provider.store import MailStore
from provider.store.access import threaded_access
from provider.store.accounts import Application, register
from provider.store.items import NewItem, PutOutcome, delete_owned, take_items

url, seed, first = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(seed)
calls = queue.SimpleQueue()
store = MailStore(url, exclusive=True)
access = threaded_access(store, MailboxRules(), call_on_reactor=lambda f, *a: calls.put((f, a)))
users = [bytes([n]) * 32 for n in (1, 2, 3)]

def say(text):
    os.write(1, (text + "\\n").encode())

for n, user in enumerate(users):
    application = Application(
        name=f"user{n}", identity=user, card=b"", invitation_hash=b"", first_number=10 ** 6 * n + 1, day=1
    )
    access.write(lambda connection, a=application: register(
        connection, a, RegistrationRules(mode=RegistrationMode.OPEN)
    )).addCallback(lambda refusal: say(f"registered {refusal}"))

def stored(outcome, n):
    assert outcome is PutOutcome.STORED
    say(f"stored {n}")

def taken(found, user):
    numbers = [item.number for item in found.items]
    names = [int(item.body[:8]) for item in found.items]
    for n in names:
        say(f"deleting {n}")
    access.write(lambda connection: delete_owned(connection, [(user, numbers)])).addCallback(
        lambda count: [say(f"deleted {n}") for n in names]
    )

n = first
while True:
    for _ in range(rng.randrange(1, 40)):
        body = b"%08d" % n + bytes(2040)
        access.put(NewItem(users[n % 3], ItemKind.MESSAGE, bytes(8), body, 1)).addCallback(stored, n)
        n += 1
    user = rng.choice(users)
    count = rng.randrange(1, 25)
    fetch = Fetch((), Fresh(0, count), Fresh(0, count))
    access.read(lambda connection, user=user, fetch=fetch: take_items(connection, user, fetch)).addCallback(
        taken, user
    )
    f, a = calls.get()
    f(*a)
    while not calls.empty():
        f, a = calls.get()
        f(*a)
"""


def run_and_kill(url: str, rng: random.Random, first: int, word: bytes, times: int) -> list[str]:
    """Let the program run until it said a word some times, kill it and return all it said."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url, str(rng.getrandbits(32)), str(first)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parent.parent.parent,
    )
    assert process.stdout is not None
    said = b""
    while said.count(word) < times:
        more = process.stdout.read1(4096)
        if not more:
            pytest.fail(f"the program ended by itself: {process.communicate()[1].decode()}")
        said += more
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL
    return (said + rest).decode().splitlines()


@pytest.mark.parametrize(
    ("kind", "rounds"),
    [
        ("sqlite", ROUNDS),
        pytest.param("sqlite", 60, marks=pytest.mark.long),
        pytest.param("postgres", 20, marks=[pytest.mark.long, pytest.mark.needs("postgres")]),
    ],
)
def test_nothing_acknowledged_is_lost_and_nothing_deleted_comes_back(
    tmp_path: Path, rng: random.Random, kind: str, rounds: int
) -> None:
    url = new_database(kind, tmp_path)
    stored: set[int] = set()
    maybe_deleted: set[int] = set()
    deleted: set[int] = set()
    for number in range(rounds):
        # In turn soon after items were stored and soon after some were deleted.
        word, times = (b"deleted", rng.randrange(30, 90)) if number % 2 else (b"stored", rng.randrange(1, 300))
        for line in run_and_kill(url, rng, 1_000_000 * (number + 1), word, times):
            match line.split():
                case ["registered", outcome]:
                    assert outcome == "None"
                case ["stored", n]:
                    stored.add(int(n))
                case ["deleting", n]:
                    maybe_deleted.add(int(n))
                case ["deleted", n]:
                    deleted.add(int(n))
                case _:
                    pytest.fail(f"unexpected line {line!r}")
        found = look(url)
        assert stored - maybe_deleted <= found
        assert not deleted & found
    assert len(stored) > 100
    assert len(deleted) > 100


def look(url: str) -> set[int]:
    """Return the names of all items, having seen that each user's are in order and there once."""
    store = MailStore(url)
    found: set[int] = set()
    for user in USERS:
        taken = store.read(lambda connection, user=user: take_items(connection, user, ALL))
        if taken is None:
            continue
        names = [int(item.body[:8]) for item in taken.items]
        assert names == sorted(set(names))
        assert [item.number for item in taken.items] == sorted({item.number for item in taken.items})
        found.update(names)
    store.close()
    return found
