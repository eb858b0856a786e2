"""Every socket call of bridges and clients while mail is addressed, sent, received and read, seen by strace."""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import Figure, barred, tell
from leap_plugin.directory.configuration import LOCK_FILE
from loopixmix.errors import PeerError
from loopixmix.process.files import lock_holder
from loopixmix.testnet.plan import planned_nodes
from tests.worlds.mail_networks import CLIENT_LOCK_FILE, MailNetwork, UserOfMail, mail_network
from tests.worlds.mails import HTML_ONLY, PLAIN

FIGURES = ("sockets_opened",)
BASE_PORT = 31_360
ATTACH_S = 30.0
LOOK_UPS = 4
_CALLS = "trace=connect,bind,sendto,sendmsg,sendmmsg"
_INET = re.compile(r"sin6?_port=htons\((\d+)\).*?(?:inet_addr\(\"([^\"]+)\"|inet_pton\(AF_INET6, \"([^\"]+)\")")
_UNIX = re.compile(r"sa_family=AF_UNIX, sun_path=(@?\"[^\"]*\")")


def measure() -> list[Figure]:
    """Return how many socket calls went anywhere but to the network, the local API and the mail program."""
    with tempfile.TemporaryDirectory(prefix="loopixmix-sockets-") as temporary:
        found = run_traced(Path(temporary), base_port=BASE_PORT)
    for line in found[:20]:
        tell(line)
    return [barred("sockets_opened", float(len(found)), "calls", bar=0, better="lower")]


def run_traced(directory: Path, *, base_port: int) -> list[str]:
    """Address, send, receive and read mail under strace; return the calls that lead elsewhere."""
    users = {"alice": 1, "bob": 2, "carol": 1}
    with mail_network(directory / "net", base_port=base_port, users=users) as network:
        allowed = _ports_of(network)
        with traced(_processes(network), directory) as logs:
            _use(network)
        lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
    if not any("connect(" in line or "sendto(" in line or "sendmsg(" in line for line in lines):
        raise RuntimeError("strace saw no call at all")
    return [line for line in lines if leads_elsewhere(line, allowed)]


def leads_elsewhere(line: str, allowed: Iterable[int]) -> bool:
    """Tell whether a line of strace is a call to another place than these ports of this machine."""
    if _UNIX.search(line):
        return True
    found = _INET.search(line)
    if found is None:
        return False
    host = found[2] or found[3]
    is_ours = host == "127.0.0.1" and int(found[1]) in frozenset(allowed)
    return not is_ours


def _use(network: MailNetwork) -> None:
    alice, bob, carol = (network.users[name] for name in ("alice", "bob", "carol"))
    # Unknown addresses are looked up through the network; one outside is refused, and is looked up nowhere.
    for recipient in (bob, carol):
        _send_looking_up(alice, recipient)
    try:
        alice.program().send(PLAIN, ["somebody@elsewhere.example"])
    except PeerError:
        tell("an address outside is refused")
    remote = HTML_ONLY.replace(b"<p>", b'<img src="http://tracker.example/pixel.png"><p>')
    alice.program().send(remote, [bob.login])
    alice.program().send(b"X-Mix-Policy: anonymous\r\n" + PLAIN, [bob.login])
    uid = 0
    for _ in range(3):
        uid, _ = bob.program().new_mail(after=uid, within_s=120.0)
    carol.program().new_mail(within_s=120.0)


def _send_looking_up(sender: UserOfMail, recipient: UserOfMail) -> None:
    # Under strace everything is slow: if the minute for a look-up is over, the mail program tries again.
    for attempt in range(LOOK_UPS):
        try:
            return sender.program().send(PLAIN, [recipient.login])
        except PeerError as error:
            tell(f"{recipient.name} is looked up again: {error}")
            if attempt == LOOK_UPS - 1:
                raise
    return None


@contextmanager
def traced(pids: Iterable[int], directory: Path) -> Iterator[list[Path]]:
    """Watch the socket calls of processes and all their threads; yields the logs."""
    logs, tracers = [], []
    try:
        for pid in pids:
            log = directory / f"strace-{pid}.txt"
            command = ["strace", "-f", "-q", "-e", _CALLS, "-o", str(log), "-p", str(pid)]
            tracers.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
            logs.append(log)
            _wait_until_traced(pid)
        yield logs
    finally:
        for tracer in tracers:
            tracer.terminate()
            tracer.wait(10)


def _wait_until_traced(pid: int) -> None:
    deadline_s = time.monotonic() + ATTACH_S
    while "TracerPid:\t0\n" in Path(f"/proc/{pid}/status").read_text():
        if time.monotonic() > deadline_s:
            raise RuntimeError("strace cannot watch the programs: may this user trace processes?")
        time.sleep(0.05)


def _processes(network: MailNetwork) -> list[int]:
    locks = [user.bridge / LOCK_FILE for user in network.users.values()]
    locks += [user.client / CLIENT_LOCK_FILE for user in network.users.values()]
    found = [lock_holder(lock) for lock in locks]
    assert all(found), "a program does not run"
    return [pid for pid in found if pid is not None]


def _ports_of(network: MailNetwork) -> set[int]:
    ports = {node.port for node in planned_nodes(network.network.plan)}
    for user in network.users.values():
        url = (user.client / "api.url").read_text()
        ports.add(int(url.strip().rpartition(":")[2]))
        program = user.program()
        ports |= {program.smtp_port, program.imap_port}
    return ports
