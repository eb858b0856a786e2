"""Programs killed between 250 and delivery: how many mails are lost or doubled.

Alice's mail program hands mails over, one after the other. As soon as a mail has reached the stage of the run, a
program is killed with SIGKILL and started again. Nobody waits for delivery: the mails of many runs are on their way
together. In the end each mail that got its 250 must be in Bob's INBOX, once.
"""

from __future__ import annotations

import enum
import itertools
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.report import Figure, barred, tell
from leap_plugin.demo.mail_program import MailProgram
from loopixmix.errors import LoopixmixError
from tests.worlds.mail_networks import MailNetwork, UserOfMail, mail_network

FIGURES = ("kill_lost", "kill_doubled")
RUNS = 100
BASE_PORT = 31_320
STAGE_S = 20.0
"""If no mail is in a stage within this time, the run kills nevertheless, and is counted under the stage it was in."""
SETTLE_S = 300.0
POLL_S = 0.003
_RNG = random.Random(12)


class Stage(enum.Enum):
    """Where a mail is when the kill comes."""

    ACCEPTED = "accepted"
    HANDED = "handed to the client"
    SENDING = "sending"
    STORED = "stored at the provider"
    RECEIVING = "received by the client"
    APPENDED = "in the inbox"


class Victim(enum.Enum):
    """Which program is killed."""

    SENDERS_BRIDGE = "the sender's bridge"
    SENDERS_DAEMON = "the sender's client"
    PROVIDER = "the recipient's provider"
    RECIPIENTS_DAEMON = "the recipient's client"
    RECIPIENTS_BRIDGE = "the recipient's bridge"


@dataclass
class KillCount:
    """What was done, and what came of it."""

    accepted: list[str] = field(default_factory=list)
    kills: Counter[Stage] = field(default_factory=Counter)
    victims: Counter[Victim] = field(default_factory=Counter)
    missed: int = 0
    arrived: Counter[str] = field(default_factory=Counter)

    @property
    def lost(self) -> list[str]:
        """Mails that got their 250 and are not there."""
        return [token for token in self.accepted if not self.arrived[token]]

    @property
    def doubled(self) -> list[str]:
        """Mails that are there more than once."""
        return [token for token in self.accepted if self.arrived[token] > 1]


def measure() -> list[Figure]:
    """Return how many of the mails were lost, and how many came twice."""
    with tempfile.TemporaryDirectory(prefix="loopixmix-kills-") as temporary:
        count = run_kills(Path(temporary) / "net", runs=RUNS, base_port=BASE_PORT)
    told = ", ".join(f"{number} {stage.value}" for stage, number in count.kills.items())
    tell(f"kills by stage: {told}; {count.missed} runs did not meet their stage")
    tell("kills by victim: " + ", ".join(f"{number} {victim.value}" for victim, number in count.victims.items()))
    if min(count.kills[stage] for stage in Stage) < RUNS // 10:
        raise RuntimeError(f"a stage was met too rarely: {told}")
    reference = len(count.accepted)
    return [
        barred("kill_lost", float(len(count.lost)), "mails", bar=0, better="lower", reference=reference),
        barred("kill_doubled", float(len(count.doubled)), "mails", bar=0, better="lower", reference=reference),
    ]


def run_kills(directory: Path, *, runs: int, base_port: int, settle_s: float = SETTLE_S) -> KillCount:
    """Kill `runs` times, and wait until all that was accepted has come, or for `settle_s`."""
    count = KillCount()
    # Five victims and six stages: each pair comes once in thirty runs, and a short run has all of both.
    plan = list(itertools.islice(zip(itertools.cycle(Victim), itertools.cycle(Stage), strict=False), runs))
    users = {"alice": 1, "bob": 2}
    with mail_network(directory, base_port=base_port, users=users, contacts=[("alice", "bob")]) as network:
        for number, (victim, stage) in enumerate(plan, 1):
            _kill_once(network, victim, stage, count)
            if number % 10 == 0:
                tell(f"{number} kills, {network.users['bob'].in_inbox()} mails have come")
        _settle(network, count, settle_s)
    return count


def _kill_once(network: MailNetwork, victim: Victim, stage: Stage, count: KillCount) -> None:
    alice, bob = network.users["alice"], network.users["bob"]
    before = _counts(alice, bob)
    token = f"{_RNG.getrandbits(64):016x}"
    _send(network, letter(token))
    count.accepted.append(token)
    deadline_s = time.monotonic() + STAGE_S
    while not (met := _is_in(stage, before, _counts(alice, bob))) and time.monotonic() < deadline_s:
        time.sleep(POLL_S)
    _KILLS[victim](network)
    if met:
        count.kills[stage] += 1
    else:
        count.missed += 1
    count.victims[victim] += 1
    network.start()


def letter(token: str) -> bytes:
    """Return a mail of some fragments that can be told from all others."""
    filling = _RNG.randbytes(15_000).hex()
    lines = "\r\n".join(filling[start : start + 76] for start in range(0, len(filling), 76))
    return f"Subject: {token}\r\nMessage-ID: <{token}@alice.example>\r\n\r\ntoken {token}\r\n{lines}\r\n".encode()


@dataclass(frozen=True)
class Seen:
    """What the stores say. `newest`: the id of the sender's newest message."""

    newest: int
    sent: int
    stored: int
    coming: int
    appended: int


def _counts(alice: UserOfMail, bob: UserOfMail) -> Seen:
    newest = alice.in_client("SELECT coalesce(max(id), 0) FROM messages WHERE kind = 'mail'")
    return Seen(
        newest,
        alice.in_client(f"SELECT coalesce(sum(sent), 0) FROM messages WHERE id = {newest:d}"),
        alice.in_client(f"SELECT count(*) FROM messages WHERE id = {newest:d} AND acknowledged = fragments"),
        bob.in_client("SELECT (SELECT count(*) FROM incoming) + (SELECT count(*) FROM inbox WHERE NOT handled)"),
        bob.in_inbox(),
    )


def _is_in(stage: Stage, before: Seen, now: Seen) -> bool:
    is_new = now.newest > before.newest
    match stage:
        case Stage.ACCEPTED:
            return True
        case Stage.HANDED:
            return is_new and not now.sent
        case Stage.SENDING:
            return is_new and now.sent > 0 and not now.stored
        case Stage.STORED:
            return is_new and now.stored > 0
        case Stage.RECEIVING:
            return is_new and now.coming > 0
        case Stage.APPENDED:
            return now.appended > before.appended


def _send(network: MailNetwork, mail: bytes) -> None:
    """Hand a mail over; before its 250 it is the mail program's, which tries again."""
    alice, bob = network.users["alice"], network.users["bob"]
    deadline_s = time.monotonic() + 120
    while True:
        try:
            alice.program().send(mail, [bob.login])
            return
        except LoopixmixError:
            if time.monotonic() > deadline_s:
                raise
            network.start()
            time.sleep(0.2)


_KILLS: dict[Victim, Callable[[MailNetwork], None]] = {
    Victim.SENDERS_BRIDGE: lambda network: network.users["alice"].kill_bridge(),
    Victim.SENDERS_DAEMON: lambda network: network.users["alice"].kill_daemon(),
    Victim.PROVIDER: lambda network: network.kill("provider-2"),
    Victim.RECIPIENTS_DAEMON: lambda network: network.users["bob"].kill_daemon(),
    Victim.RECIPIENTS_BRIDGE: lambda network: network.users["bob"].kill_bridge(),
}


def _settle(network: MailNetwork, count: KillCount, settle_s: float) -> None:
    bob = network.users["bob"]
    deadline_s, calm_s = time.monotonic() + settle_s, 0.0
    # Some seconds more than until the last one is there: a double would come late.
    while time.monotonic() < deadline_s and calm_s < 10.0:
        time.sleep(1.0)
        network.start()
        count.arrived = tokens_of(bob.program(), count.accepted)
        calm_s = calm_s + 1.0 if not count.lost else 0.0


def tokens_of(program: MailProgram, accepted: Sequence[str]) -> Counter[str]:
    """Return how often each mail is in INBOX."""
    arrived: Counter[str] = Counter()
    for mail in program.mails().values():
        token = re.search(rb"^token ([0-9a-f]{16})\r$", mail, re.MULTILINE)
        if token is not None and token[1].decode() in accepted:
            arrived[token[1].decode()] += 1
    return arrived
