"""Alice mails Bob a file, with mail programs that know nothing of the mix network."""

from __future__ import annotations

import hashlib
import time
from base64 import encodebytes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leap_plugin.demo.mail_program import MailProgram
from leap_plugin.directory.configuration import PORTS_FILE
from leap_plugin.mail.trace import ProvenOrigin, TraceKey, check_mark
from loopixmix.errors import UnavailableError
from loopixmix.seams import Rng
from loopixmix.verdict import Check

FILE_BYTES = 60_000
START_S = 60.0
POLL_S = 0.1


@dataclass(frozen=True)
class DemoBridge:
    """A bridge that runs: its directory, its key, and the passwords of its accounts by their mail addresses."""

    directory: Path
    trace_key: TraceKey
    passwords: Mapping[str, str]

    def program(self, login: str, ports: Mapping[str, int]) -> MailProgram:
        """Return the mail program of an account."""
        return MailProgram(login, self.passwords[login], ports["smtp"], ports["imap"])


def wait_for_ports(directory: Path, *, within_s: float = START_S) -> dict[str, int]:
    """Return the ports of the bridge in `directory` by protocol, as soon as it listens.

    Raises `UnavailableError` if it does not.
    """
    import msgspec

    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        try:
            report = msgspec.json.decode((directory / PORTS_FILE).read_bytes())
        except (OSError, msgspec.MsgspecError):
            time.sleep(POLL_S)
            continue
        return {one["protocol"]: int(one["port"]) for one in report["ports"]}
    raise UnavailableError(f"the bridge in {directory} does not listen after {within_s:g} s")


def letter_with_file(sender: str, recipient: str, rng: Rng) -> bytes:
    """Return a mail with an attachment, as a mail program writes it."""
    lines = encodebytes(rng.randbytes(FILE_BYTES)).decode()
    text = f"""\
From: Alice <{sender}>
To: Bob <{recipient}>
Subject: the file
Message-ID: <{rng.randbytes(8).hex()}@alice.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="----=_demo"

------=_demo
Content-Type: text/plain; charset=utf-8

Here is the file.
------=_demo
Content-Type: application/octet-stream; name="file.bin"
Content-Disposition: attachment; filename="file.bin"
Content-Transfer-Encoding: base64

{lines}------=_demo--
"""
    return text.replace("\n", "\r\n").encode()


def mailing_checks(bridge: DemoBridge, sender: str, recipient: str, rng: Rng) -> list[Check]:
    """Send a mail with an attachment by SMTP, receive it by IMAP, and return what came of it."""
    ports = wait_for_ports(bridge.directory)
    alice, bob = bridge.program(sender, ports), bridge.program(recipient, ports)
    mail = letter_with_file(sender, recipient, rng)
    begin_s = time.monotonic()
    alice.send(mail, [recipient])
    accepted_s = time.monotonic() - begin_s
    _, came = bob.new_mail()
    arrived_s = time.monotonic() - begin_s
    found = check_mark(came, bridge.trace_key)
    is_intact = isinstance(found, ProvenOrigin) and found.mail == mail
    told = f"from {found.origin.sender}, key {found.origin.verified.value}" if isinstance(found, ProvenOrigin) else ""
    digest = hashlib.sha256(mail).hexdigest()[:12]
    return [
        Check(
            name="mail with an attachment",
            passed=is_intact,
            value=f"{'intact' if is_intact else 'changed'}, {arrived_s:.1f} s",
            expected="intact",
            detail=f"{len(mail):,} bytes, SHA-256 {digest}..., by SMTP (taken in {accepted_s:.1f} s), the mix network "
            "and IMAP with IDLE",
        ),
        Check(
            name="the bridge's line on it",
            passed=bool(told),
            value=told or "missing or false",
            expected="proven",
            detail="an HMAC by the bridge's own key over the line and the mail",
        ),
    ]
