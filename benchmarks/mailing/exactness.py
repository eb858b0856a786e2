"""Forty mails of different programs through the network: do their bytes come back, and what do anonymous ones tell?"""

from __future__ import annotations

import hashlib
import random
import re
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Figure, barred, tell
from leap_plugin.mail.canonical import ANONYMOUS, canonicalise
from loopixmix.errors import LoopixmixError, PeerError
from tests.worlds.forty_mails import COUNT, LARGE_BYTES, Authors, SampleMail
from tests.worlds.mail_networks import MailNetwork, UserOfMail, mail_network
from tests.worlds.mails import LEAKS

FIGURES = ("byte_exact", "anonymous_form_leaks")
BASE_PORT = 31_340
LARGE_S = 1200.0
SMALL_S = 180.0
_POLICY = b"X-Mix-Policy: anonymous\r\n"
_RANDOM = re.compile(rb"[0-9a-f]{32}")
_ADDRESS = re.compile(rb"\b(?!0\.)\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b")
# The same text from another program, on another machine, in another zone.
_ELSEWHERE = (
    (b"Mozilla Thunderbird", b"Mutt/2.2.9"),
    (b"Apple Mail (2.3774)", b"K-9 Mail"),
    (b"workstation.lan", b"laptop.home"),
    (b"192.168.1.17", b"10.0.0.23"),
    (b"+0200", b"-0800"),
    (b"Alice Liddell <alice@", b"Carol <carol@"),
    (b"1764417789", b"1764410000"),
)


@dataclass
class Exactness:
    """What came of the samples."""

    exact: int
    problems: list[str]
    leaks: list[str]
    anonymous: int


def measure() -> list[Figure]:
    """Return how many mails came as they were sent, and how much anonymous ones told."""
    with tempfile.TemporaryDirectory(prefix="loopixmix-exact-") as temporary:
        found = run_samples(Path(temporary) / "net", base_port=BASE_PORT, large_bytes=LARGE_BYTES)
    for problem in [*found.problems, *found.leaks]:
        tell(problem)
    tell(f"{found.anonymous} anonymous mails were looked at")
    return [
        barred("byte_exact", float(found.exact), "mails", bar=COUNT, better="higher", reference=COUNT),
        barred("anonymous_form_leaks", float(len(found.leaks)), "leaks", bar=0, better="lower"),
    ]


def run_samples(directory: Path, *, base_port: int, large_bytes: int) -> Exactness:
    """Send the forty mails from Alice to Bob, and those that can leave anonymously once more, from two people."""
    authors = Authors()
    samples = authors.forty_mails(random.Random(40), large_bytes=large_bytes)
    users = {"alice": 1, "bob": 2, "carol": 1}
    contacts = [("alice", "bob"), ("carol", "bob")]
    with mail_network(directory, base_port=base_port, users=users, contacts=contacts) as network:
        problems = _send_all(network, samples)
        came = _wait(network.users["bob"], COUNT - len(problems), LARGE_S)
        exact, more = _compare(network.users["bob"], samples, came, authors)
        tell(f"{exact} of {COUNT} mails came byte for byte")
        leaks, anonymous = _anonymous(network, samples, max(came, default=0))
    return Exactness(exact, [*problems, *more], leaks, anonymous)


def _send_all(network: MailNetwork, samples: Sequence[SampleMail]) -> list[str]:
    alice, bob = network.users["alice"], network.users["bob"]
    problems = []
    # The large one first: the others must not wait behind it.
    for sample in sorted(samples, key=lambda one: not one.large):
        try:
            alice.program().send(sample.mail, [bob.login])
        except PeerError as error:
            problems.append(f"{sample.name}: {error}")
    return problems


def _wait(user: UserOfMail, count: int, within_s: float, *, after: int = 0) -> dict[int, bytes]:
    deadline_s = time.monotonic() + within_s
    program = user.program()
    came: dict[int, bytes] = {}
    while len(came) < count and time.monotonic() < deadline_s:
        newest = max(came, default=after)
        came |= program.mails_after(newest)
        time.sleep(0.5)
    return came


def _compare(
    user: UserOfMail, samples: Sequence[SampleMail], came: dict[int, bytes], authors: Authors
) -> tuple[int, list[str]]:
    digests: Counter[bytes] = Counter()
    mails: dict[bytes, bytes] = {}
    for marked in came.values():
        found = user.proven(marked)
        if found is not None:
            digest = hashlib.sha256(found.mail).digest()
            digests[digest] += 1
            mails[digest] = found.mail
    problems = []
    for sample in samples:
        digest = hashlib.sha256(sample.mail).digest()
        if digests[digest] != 1:
            problems.append(f"{sample.name}: {digests[digest]} mails of its SHA-256 came")
        elif not authors.verifies(sample, mails[digest]):
            problems.append(f"{sample.name}: its signature does not verify any more")
    return len(samples) - len(problems), problems


def _anonymous(network: MailNetwork, samples: Sequence[SampleMail], after: int) -> tuple[list[str], int]:
    fit = [sample for sample in samples if not sample.large and _can_leave(sample.mail)]
    bob = network.users["bob"]
    for sample in fit:
        network.users["alice"].program().send(_POLICY + sample.mail, [bob.login])
        network.users["carol"].program().send(_POLICY + elsewhere(sample.mail), [bob.login])
    came = _wait(bob, 2 * len(fit), SMALL_S, after=after)
    mails = [found.mail for marked in came.values() if (found := bob.proven(marked)) and found.origin.sender is None]
    leaks = [f"{len(mails)} of {2 * len(fit)} anonymous mails came"] if len(mails) != 2 * len(fit) else []
    return [*leaks, *leaks_in(mails)], len(mails)


def leaks_in(mails: Sequence[bytes]) -> list[str]:
    """Return what anonymous mails tell, of which each was sent by two people."""
    marks = [*LEAKS, b"Mutt", b"K-9", b"laptop", b"-0800", b"carol"]
    # A short name, such as "vm", is in some base64 by chance.
    host = re.compile(rb"\b%s\b" % re.escape(socket.gethostname().encode()))
    leaks = []
    for mail in mails:
        leaks += [f"{mark!r} is in an anonymous mail" for mark in marks if mark in mail]
        leaks += [f"{name!r} is in an anonymous mail" for name in host.findall(mail.partition(b"\r\n\r\n")[0])]
        leaks += [f"{address!r} is in an anonymous mail" for address in _ADDRESS.findall(mail)]
    forms = Counter(_RANDOM.sub(b"random", mail) for mail in mails)
    odd = [form for form, count in forms.items() if count % 2]
    return leaks + [f"one of two people's mails differs: {form[:300]!r}" for form in odd]


def elsewhere(mail: bytes) -> bytes:
    """Return the same text as somebody else writes it, with another program and on another machine."""
    for old, new in _ELSEWHERE:
        mail = mail.replace(old, new)
    return mail


def _can_leave(mail: bytes) -> bool:
    try:
        canonicalise(mail, sender=ANONYMOUS, ids={}, now_s=0.0, rng=random.Random(1))
    except LoopixmixError:
        return False
    return True
