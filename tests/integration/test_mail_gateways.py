"""A gateway on a network of its own, with a real Postfix as its relay, and a real Dovecot that shows what came out."""

from __future__ import annotations

import os
import smtplib
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pysequoia
import pytest

from leap_plugin.mail.canonical import ANONYMOUS, canonicalise
from tests.worlds.gateway_cities import DOMAIN, PATIENCE_S, RNG, GatewayCity, parsed
from tests.worlds.gateways import written_mail

pytestmark = [
    pytest.mark.long,
    pytest.mark.needs("postfix", "dovecot", "swaks"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix and Dovecot are started as root"),
]

BASE_PORT = 31_500


def canonical(text: str, to: str = "carol@outside.example") -> bytes:
    mail = written_mail(text, to=to)
    return canonicalise(mail, sender=ANONYMOUS, ids={}, now_s=time.time(), rng=RNG).message


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayCity]:
    with ExitStack() as closing:
        yield GatewayCity(tmp_path_factory.mktemp("city"), closing, base_port=BASE_PORT)


def test_a_mail_goes_out_its_answer_comes_back_and_its_recipient_opts_out(city: GatewayCity) -> None:
    token = city.order(canonical("Come for cake.\n"))
    [mail] = city.outside("carol", 1)
    assert mail["From"] == f"anonymous@{DOMAIN}"
    assert mail.get_content().startswith("Come for cake.")
    assert "DKIM-Signature" not in mail
    # Nothing of the machine is in it but what Postfix itself writes.
    assert city.network.directory.name not in mail.as_string().replace(DOMAIN, "")
    for line in mail.get_all("Received", []):
        assert f"from {DOMAIN} (" in line or "mx.outside.example" in line

    with smtplib.SMTP("127.0.0.1", city.relay_port, local_hostname="carols.example", timeout=PATIENCE_S) as smtp:
        answer = f"From: carol@outside.example\r\nTo: {mail['Reply-To']}\r\nSubject: Re: Tea\r\n\r\nI shall.\r\n"
        smtp.sendmail("carol@outside.example", [mail["Reply-To"]], answer)
    [answered] = city.received("alice", 1)
    assert answered["Subject"] == "Re: Tea"
    assert answered["Authentication-Results"].startswith(f"{DOMAIN}; spf=pass")
    assert "carols.example" in answered["Received"]

    link = mail["List-Unsubscribe"].strip("<>")
    with urllib.request.urlopen(link) as page:
        assert b"Send me no more mail" in page.read()
    posted = urllib.request.Request(link, data=b"List-Unsubscribe=One-Click", method="POST")
    with urllib.request.urlopen(posted) as page:
        assert b"sends no more mail" in page.read()
    city.order(canonical("More cake?\n"))
    [_, report] = city.received("alice", 2)
    assert report.get_content_type() == "multipart/report"
    assert "sends nothing to that recipient" in report.as_string()
    assert len(city.outside("carol", 1)) == 1

    # The token that paid the first mail pays no other one, after a crash neither.
    city.kill()
    city.start()
    city.order(canonical("Cake for Dave.\n", "dave@outside.example"), "dave@outside.example", token=token)
    [*_, refusal] = city.received("alice", 3)
    assert "the token does not count" in refusal.as_string()


def test_what_the_relay_refuses_is_told_to_the_sender(city: GatewayCity) -> None:
    before = len(city.received("alice", 0))
    city.order(canonical("Hello.\n", "nobody@outside.example"), "nobody@outside.example")
    city.order(canonical("Hallo.\n", "jürgen@outside.example"), "jürgen@outside.example")
    reports = city.received("alice", before + 1)[before:]
    assert "5.1.1" in reports[0].as_string()
    city.until(lambda: city.status()["now"]["exit"]["refused_by_relay"] >= 2)  # type: ignore[index]


def test_mail_to_a_known_key_leaves_encrypted(city: GatewayCity) -> None:
    secret = pysequoia.Tsk.generate("dave@outside.example")
    (city.path / "keys" / "dave@outside.example.asc").write_text(str(secret.extract_certificate()))
    city.order(canonical("For your eyes.\n", "dave@outside.example"), "dave@outside.example")
    [*_, mail] = city.outside("dave", 1)
    assert mail["Subject"] == "[...]"
    [_, sealed] = mail.iter_parts()
    opened = pysequoia.decrypt(bytes(sealed.get_payload(decode=True)), decryptor=secret.decryptor())
    inner = parsed(bytes(opened.bytes or b""))
    assert inner["Subject"] == "Tea"
    assert inner.get_param("hp") == "cipher"
    assert inner.get_content().startswith("For your eyes.")


def test_swaks_hands_a_mail_in_and_a_stranger_nothing_through(city: GatewayCity) -> None:
    before = len(city.received("alice", 0))
    swaks = ["swaks", "--server", f"127.0.0.1:{city.entrance_port}", "--from", "carol@outside.example"]
    options = {"capture_output": True, "text": True, "check": False, "timeout": PATIENCE_S}
    sent = subprocess.run([*swaks, "--to", f"alice@{DOMAIN}", "--header", "Subject: Swaks"], **options)  # type: ignore[call-overload]
    assert sent.returncode == 0, sent.stdout
    assert city.received("alice", before + 1)[-1]["Subject"] == "Swaks"
    through = subprocess.run([*swaks, "--to", "victim@elsewhere.example"], **options)  # type: ignore[call-overload]
    assert "550 5.7.1" in through.stdout
