"""Mail from a mail program through bridge, network and exit to a real mail server, paid by tokens of a real issuer.

The user does what docs/gateways.md and docs/mail.md say, by the commands that stand there.
"""

from __future__ import annotations

import json
import os
import random
import re
import smtplib
import time
from collections.abc import Iterator
from contextlib import ExitStack
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from leap_plugin.directory.configuration import CONFIG_FILE
from loopixmix.testnet.plan import PlannedService
from tests.worlds.commands import command, command_text
from tests.worlds.gateway_cities import DOMAIN, PATIENCE_S, GatewayCity, parsed
from tests.worlds.mail_networks import UserOfMail

pytestmark = [
    pytest.mark.long,
    pytest.mark.needs("postfix", "dovecot"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix and Dovecot are started as root"),
]

BASE_PORT = 30_600
TOKENS = 3
ATTACHED = random.Random(1).randbytes(300_000)
"""About 150 packets: `mail status` tells of them while they leave."""


class ExitCity(GatewayCity):
    """Alice with a mail program and a bridge, an issuer of tokens, and an exit."""

    def begin(self) -> UserOfMail:
        """Let Alice's bridge use the exit, and start it."""
        alice = UserOfMail(self.network, self.network.plan.clients[0])
        config = alice.bridge / CONFIG_FILE
        text = config.read_text().replace('exit_gateway = ""', 'exit_gateway = "gate@provider-2"')
        config.write_text(text.replace('exit_purpose = ""', 'exit_purpose = "mail-exit"'))
        assert 'exit_purpose = "mail-exit"' in config.read_text()
        alice.start_bridge()
        alice.program()
        return alice

    def tokens(self, alice: UserOfMail) -> int:
        """Return how many tokens Alice may spend."""
        told = command_text("client", "tokens", "list", str(alice.client), "--json")
        assert told.returncode == 0, told.stderr
        return sum(one["usable"] for one in json.loads(told.stdout) if one["purpose"] == "mail-exit")

    def order_tokens(self, alice: UserOfMail) -> None:
        """Buy tokens as a user does: a code of the operator's, exchanged ahead."""
        issuer = str(self.network.directory / "provider-1")
        made = command_text("provider", "token-codes", issuer, "--tokens", str(TOKENS), "--json")
        assert made.returncode == 0, made.stderr
        [code] = json.loads(made.stdout)["codes"]
        words = ("provider-1", "mail-exit", str(TOKENS), "--code", code)
        ordered = command_text("client", "tokens", "order", str(alice.client), *words)
        assert ordered.returncode == 0, ordered.stderr
        self.until(lambda: self.tokens(alice) == TOKENS)

    def doing(self, alice: UserOfMail) -> list[str]:
        """Return what `loopixmix mail status` says of Alice's mails."""
        told = command_text("mail", "status", str(alice.bridge), "--json")
        [account] = json.loads(told.stdout)["accounts"]
        return list(account["doing"])


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExitCity]:
    issuer = PlannedService("issuer", 1, {"purposes": ["mail-exit"]})
    with ExitStack() as closing:
        yield ExitCity(tmp_path_factory.mktemp("city"), closing, base_port=BASE_PORT, services=[issuer])


def written(to: str, subject: str, *, anonymous: bool, attached: bytes = b"") -> bytes:
    """Return a mail as a program writes it, which tells of its machine."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = "Alice <alice@provider-1.mix.invalid>", to, subject
    mail["Message-ID"], mail["User-Agent"] = f"<{time.time()}@alices-laptop>", "Program 7.1 (alices-laptop)"
    mail["Date"] = "Mon, 30 Nov 2026 10:11:12 +1300"
    if anonymous:
        mail["X-Mix-Policy"] = "anonymous"
    mail.set_content("Come for cake.\n")
    if attached:
        mail.add_attachment(attached, maintype="image", subtype="png", filename="cake.png")
    return mail.as_bytes()


def known(text: str) -> str:
    """Return a text without what is drawn anew for each mail: Message-ID, boundary, way back, mark of the recipient."""
    text = re.sub(r"[0-9a-f]{32}", "DRAWN", text)
    text = re.sub(r"reply-[a-z0-9?]{20}@", "reply-WORD@", text)
    return re.sub(r"/stop/[A-Za-z0-9_?-]+", "/stop/MARK", text)


def refusal(alice: UserOfMail, mail: bytes, to: str) -> tuple[int, bytes]:
    """Hand a mail over with smtplib; return the answer to its recipient, who is refused."""
    program = alice.program()
    with smtplib.SMTP("127.0.0.1", program.smtp_port, timeout=PATIENCE_S) as smtp:
        smtp.login(program.login, program.password)
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            smtp.sendmail(program.login, [to], mail)
    [answer] = caught.value.recipients.values()
    return answer


def test_mail_goes_out_paid_by_bought_tokens_until_none_is_left(city: ExitCity) -> None:
    alice = city.begin()
    carol = "carol@outside.example"
    code, words = refusal(alice, written(carol, "Unpaid", anonymous=True), carol)
    assert (code, words.split(b" ")[0]) == (550, b"5.7.1")
    assert b"no token for the gateway" in words
    city.order_tokens(alice)

    # Anonymous: what came out is what the preview shows, to the last byte but those that only the exit can know.
    mail = written(carol, "Cake", anonymous=True, attached=ATTACHED)
    alice.program().send(mail, [carol])
    assert city.until(lambda: [one for one in city.doing(alice) if carol in one and "packets have left" in one])
    [came] = city.outside("carol", 1)
    url = f"http://127.0.0.1:{city.page_port}/stop"
    words = ("mail", "preview", "--raw", "--exit", DOMAIN, "--opt-out-url", url)
    previewed = parsed(command(*words, stdin=mail).stdout)
    for name in ("Return-Path", "X-Original-To", "Delivered-To", "Received"):
        del came[name]
    assert came["From"] == f"anonymous@{DOMAIN}"
    assert came["Reply-To"].startswith("reply-")
    assert [known(f"{name}: {value}") for name, value in came.items()] == [
        known(f"{name}: {value}") for name, value in previewed.items()
    ]
    (text, attachment), (text_shown, _) = came.iter_parts(), previewed.iter_parts()
    assert text.get_content().startswith("Come for cake.\r\n")
    assert known(text.get_content()) == known(text_shown.get_content())
    assert attachment.get_content() == ATTACHED
    for told in (b"alices-laptop", b"Program 7.1", b"+1300", b"alice@", b"X-Mix"):
        assert told not in came.as_bytes()
    city.until(lambda: not city.doing(alice))

    # By name: her address at the gateway's domain, proven by a key that the gateway looks up itself.
    dave = "dave@outside.example"
    alice.program().send(written(dave, "By name", anonymous=False), [dave])
    [named] = city.outside("dave", 1)
    assert named["From"] == f"alice@{DOMAIN}"
    assert named["Reply-To"] is None
    assert b"alices-laptop" not in named.as_bytes()

    # The last token pays a mail that the relay refuses: a report comes by the way back.
    nobody = "nobody@outside.example"
    alice.program().send(written(nobody, "Lost", anonymous=True), [nobody])
    _, report = alice.program().new_mail(within_s=PATIENCE_S)
    assert b"5.1.1" in report
    assert city.tokens(alice) == 0
    code, words = refusal(alice, written(carol, "More", anonymous=True), carol)
    assert (code, words.split(b" ")[0]) == (550, b"5.7.1")
    assert len(city.outside("carol", 1)) == 1
