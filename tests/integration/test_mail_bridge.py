"""A bridge as its user meets it: set up by questions, run, used by mail programs, refused twice, restarted, stopped."""

from __future__ import annotations

import contextlib
import imaplib
import json
import signal
import smtplib
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import FAST_PARAMS, TestnetPlan

pytestmark = pytest.mark.long

BASE_PORT = 31_120
STARTING = "no client daemon runs, so one is started"
PATIENCE_S = 300.0
ELSEWHERE = "127.0.0.2"
"""Stands for the private address of this machine: on loopback, but not where the local ports are."""
MAIL = b"From: %b\r\nTo: %b\r\nSubject: hello\r\n\r\n.a line with a dot\r\n\xe4\xf6\xfc\r\n"


@dataclass
class Bridge:
    """A bridge that was set up for two accounts, with what `mail setup --json` told."""

    directory: Path
    settings: Mapping[str, object]
    process: subprocess.Popen[bytes] | None = None

    @property
    def accounts(self) -> list[dict[str, str]]:
        return list(self.settings["accounts"])  # type: ignore[call-overload, no-any-return]

    def start(self) -> None:
        with (self.directory / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "loopixmix.main", "mail", "run", str(self.directory)], stderr=log
            )
        wait_until(lambda: self.status().returncode == 0, self.log)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def status(self) -> subprocess.CompletedProcess[str]:
        return command_text("mail", "status", str(self.directory), "--json")

    def log(self) -> str:
        return (self.directory / "log.txt").read_text() + self.status().stdout + self.status().stderr

    def ports(self, host: str = "127.0.0.1") -> dict[str, int]:
        told = json.loads((self.directory / "ports.json").read_bytes())["ports"]
        return {port["protocol"]: port["port"] for port in told if port["host"] == host}

    @contextlib.contextmanager
    def smtp(self, account: Mapping[str, str]) -> Iterator[smtplib.SMTP]:
        with smtplib.SMTP("127.0.0.1", self.ports()["smtp"], timeout=PATIENCE_S) as session:
            session.login(account["user"], account["password"])
            yield session

    @contextlib.contextmanager
    def imap(self, account: Mapping[str, str]) -> Iterator[imaplib.IMAP4]:
        with closed(imaplib.IMAP4("127.0.0.1", self.ports()["imap"], timeout=PATIENCE_S)) as session:
            session.login(account["user"], account["password"])
            yield session

    def inbox(self, account: Mapping[str, str]) -> list[bytes]:
        with self.imap(account) as session:
            if session.select()[1] == [b"0"]:
                return []
            _, found = session.fetch("1:*", "(BODY.PEEK[])")
        return [each[1] for each in found if isinstance(each, tuple)]


def command_text(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does; one that starts a daemon may take long on a busy machine."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "loopixmix.main", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@contextlib.contextmanager
def closed(session: imaplib.IMAP4) -> Iterator[imaplib.IMAP4]:
    """Give a session, and close its socket at the end, whatever it has come to."""
    try:
        yield session
    finally:
        session.shutdown()


def wait_until(holds: object, told: object) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline_s, told()  # type: ignore[operator]
        time.sleep(0.3)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestNetwork]:
    params = msgspec.structs.replace(FAST_PARAMS, epoch_length_s=7200)
    plan = TestnetPlan(width=1, base_port=BASE_PORT, params=params)
    made = TestNetwork.create(tmp_path_factory.mktemp("mail") / "net", plan)
    with made.running(timeout_s=180.0):
        yield made


@pytest.fixture(scope="module")
def bridge(network: TestNetwork, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    directory = tmp_path_factory.mktemp("bridge") / "mail"
    made = Bridge(directory, {})
    try:
        made.settings = set_up(directory, network)
        made.start()
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.stop()
        for account in ("alice", "bob"):
            command_text("client", "stop", str(directory / "clients" / account))


def set_up(directory: Path, network: TestNetwork) -> Mapping[str, object]:
    """Set a bridge up for two accounts and another device; return what is told of it."""
    common = ("mail", "setup", str(directory), "--network", str(network.trust_root), "--json")
    ports = ("--smtp-port", "0", "--imap-port", "0", "--listen", ELSEWHERE)
    first = command_text(*common, "--address", "alice@provider-1", *ports)
    assert first.returncode == 0, first.stderr
    second = command_text(*common, "--address", "bob@provider-2")
    assert second.returncode == 0, second.stderr
    config = directory / "mail.toml"
    config.write_text(config.read_text().replace("= 2465", "= 0").replace("= 2993", "= 0"))
    shown = command_text("mail", "setup", str(directory), "--show", "--json")
    found: dict[str, object] = json.loads(shown.stdout)
    return found


def test_setting_up_told_what_to_type_and_wrote_files_for_mail_programs(bridge: Bridge) -> None:
    assert [account["user"] for account in bridge.accounts] == [
        "alice@provider-1.mix.invalid",
        "bob@provider-2.mix.invalid",
    ]
    again = command_text("mail", "setup", str(bridge.directory), "--show", "--json")
    assert json.loads(again.stdout) == bridge.settings
    files = [Path(name) for name in bridge.settings["files"]]  # type: ignore[attr-defined]
    assert all(file.exists() for file in files)
    password = bridge.accounts[0]["password"]
    assert not any(password.encode() in file.read_bytes() for file in files)
    kept = [path for path in bridge.directory.rglob("*") if path.name != "log.txt" and ".unfinished" not in path.name]
    assert [path for path in kept if path.stat().st_mode & 0o077] == []


def test_a_mail_goes_from_account_to_account_byte_for_byte(bridge: Bridge) -> None:
    alice, bob = bridge.accounts
    mail = MAIL % (alice["user"].encode(), bob["user"].encode())
    before = len(bridge.inbox(bob))
    with bridge.smtp(alice) as session:
        assert "mix" in session.ehlo()[1].decode()
        assert int(session.esmtp_features["size"]) > 100_000
        assert session.sendmail(alice["user"], [bob["user"]], mail, ["BODY=8BITMIME"]) == {}
    wait_until(lambda: len(bridge.inbox(bob)) > before, bridge.log)
    [*_, came] = bridge.inbox(bob)
    lines, marker, rest = came.partition(b"From:")
    assert marker + rest == mail
    assert b"came by the mix network; from=alice@provider-1" in lines


def test_who_is_not_known_and_who_is_outside_are_refused_at_rcpt(bridge: Bridge) -> None:
    alice = bridge.accounts[0]
    with bridge.smtp(alice) as session:
        session.mail(alice["user"])
        assert session.rcpt("somebody@example.org")[0] == 550
        assert session.rcpt("not an address")[0] in (501, 553)
    with bridge.smtp(alice) as session:
        assert session.mail("bob@provider-2.mix.invalid")[0] == 553
    with bridge.smtp(alice) as session:
        most = int(session.esmtp_features.get("size", "0") or (session.ehlo() and session.esmtp_features["size"]))
        code, text = session.mail(alice["user"], [f"SIZE={most + 1}"])
        assert (code, str(most).encode() in text) == (552, True)


def test_a_wrong_password_opens_nothing(bridge: Bridge) -> None:
    wrong = dict(bridge.accounts[0], password=bridge.accounts[1]["password"])
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused, bridge.smtp(wrong):
        pass
    assert refused.value.smtp_code == 535
    with pytest.raises(imaplib.IMAP4.error), bridge.imap(wrong):
        pass


def test_another_device_comes_in_by_tls_and_a_password_of_its_own(bridge: Bridge) -> None:
    alice = bridge.accounts[0]
    added = command_text("mail", "devices", "add", str(bridge.directory), "phone", "--json")
    password = json.loads(added.stdout)["password"]
    # It trusts the bridge's certificate, and the address is in it.
    context = ssl.create_default_context(cafile=str(bridge.directory / "settings" / "bridge-certificate.pem"))
    ports = bridge.ports(ELSEWHERE)
    with smtplib.SMTP_SSL(ELSEWHERE, ports["smtp"], timeout=PATIENCE_S, context=context) as session:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            session.login(alice["user"], alice["password"])
        session.login(alice["user"], password)
        assert session.mail(alice["user"])[0] == 250

    def reader() -> contextlib.AbstractContextManager[imaplib.IMAP4]:
        return closed(imaplib.IMAP4_SSL(ELSEWHERE, ports["imap"], ssl_context=context, timeout=PATIENCE_S))

    with reader() as imap:
        assert imap.login(alice["user"], password)[0] == "OK"
    assert command_text("mail", "devices", "remove", str(bridge.directory), "phone").returncode == 0
    with reader() as imap, pytest.raises(imaplib.IMAP4.error):
        imap.login(alice["user"], password)


def test_a_second_daemon_is_refused_in_one_clear_line(bridge: Bridge, tmp_path: Path) -> None:
    same = command_text("mail", "run", str(bridge.directory))
    assert same.returncode == 2
    assert same.stderr.count("\n") == 1
    assert "is in use by process" in same.stderr
    other = tmp_path / "other"
    client = bridge.directory / "clients" / "alice"
    assert command_text("mail", "setup", str(other), "--client", str(client), "--json").returncode == 0
    refused = command_text("mail", "run", str(other))
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "another mail bridge" in refused.stderr
    assert "serves this identity already" in refused.stderr


def test_a_port_that_is_taken_is_told_and_nothing_is_left(bridge: Bridge, network: TestNetwork, tmp_path: Path) -> None:
    other = tmp_path / "other"
    made = command_text(
        *("mail", "setup", str(other), "--network", str(network.trust_root), "--address", "carol@provider-1", "--json"),
        *("--smtp-port", str(bridge.ports()["smtp"]), "--imap-port", "0"),
    )
    assert made.returncode == 0, made.stderr
    refused = command_text("mail", "run", str(other))
    command_text("client", "stop", str(other / "clients" / "carol"))
    assert refused.returncode == 2
    assert "cannot listen on 127.0.0.1:" in refused.stderr
    assert not (other / "ports.json").exists()


@pytest.mark.needs("swaks")
def test_swaks_sends(bridge: Bridge) -> None:
    alice, bob = bridge.accounts
    before = len(bridge.inbox(bob))
    done = subprocess.run(
        [
            *("swaks", "--server", f"127.0.0.1:{bridge.ports()['smtp']}", "--auth", "LOGIN"),
            *("--auth-user", alice["user"], "--auth-password", alice["password"], "--pipeline"),
            *("--from", alice["user"], "--to", bob["user"], "--header", "Subject: by swaks"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout
    wait_until(lambda: len(bridge.inbox(bob)) > before, bridge.log)
    assert b"Subject: by swaks" in bridge.inbox(bob)[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_it_is_stopped_and_goes_on_where_it_was(bridge: Bridge, number: signal.Signals) -> None:
    alice, bob = bridge.accounts
    before = len(bridge.inbox(bob))
    mail = MAIL % (alice["user"].encode(), bob["user"].encode())
    with contextlib.suppress(smtplib.SMTPException), bridge.smtp(alice) as session:
        session.sendmail(alice["user"], [bob["user"]], mail)
        code = bridge.stop(number)
    assert code == (-9 if number is signal.SIGKILL else 0), bridge.log()
    if number is not signal.SIGKILL:
        assert not (bridge.directory / "ports.json").exists()
        assert not (bridge.directory / "status.json").exists()
    stopped = bridge.status()
    assert stopped.returncode == 1
    assert "loopixmix mail run" in stopped.stderr
    bridge.start()
    wait_until(lambda: len(bridge.inbox(bob)) == before + 1, bridge.log)
    log = (bridge.directory / "log.txt").read_text()
    assert "Traceback" not in log
    # Nothing of a mail, of people or of passwords is in the log.
    for secret in ("alice@", "bob@", "hello", alice["password"]):
        assert secret not in log


def test_a_client_daemon_that_does_not_run_is_started(bridge: Bridge) -> None:
    client = bridge.directory / "clients" / "alice"
    log = bridge.directory / "log.txt"
    before = log.read_text().count(STARTING)
    assert command_text("client", "stop", str(client)).returncode == 0
    # The status in between may be over before a command can ask for it, and
    # the status of before may still stand when the bridge begins to start one.
    wait_until(lambda: log.read_text().count(STARTING) > before, bridge.log)
    wait_until((client / "api.url").exists, bridge.log)
    wait_until(lambda: bridge.status().returncode == 0, bridge.log)
