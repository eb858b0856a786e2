"""SPF, DKIM and DMARC as they are recorded, with a zone of our own, and forged lines."""

from __future__ import annotations

import base64

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from leap_plugin.gateways.entrance.authentication import (
    SmtpOrigin,
    authentication_results,
    organisational_domain,
    without_forged_results,
)
from tests.worlds.gateways import DOMAIN, FakeZone
from tests.worlds.mails import MALFORMED, SAMPLES, crlf

MAIL = crlf("From: Carol <carol@outside.example>\nTo: alice@gate.example\nSubject: Cake\n\nCome for cake.\n")
PEER = SmtpOrigin("192.0.2.7", "mx.outside.example", "carol@outside.example")
KEY = generate_private_key(65537, 2048)
PUBLIC = base64.b64encode(KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def zone() -> FakeZone:
    made = FakeZone(outside__example="v=spf1 ip4:192.0.2.7 a:mx.outside.example -all")
    made.records["mx.outside.example", "A"] = ["192.0.2.9"]
    made.records["_dmarc.outside.example", "TXT"] = [b"v=DMARC1; p=reject"]
    made.records["s1._domainkey.outside.example", "TXT"] = [f"v=DKIM1; k=rsa; p={PUBLIC}".encode()]
    return made


def signed(mail: bytes, domain: bytes = b"outside.example") -> bytes:
    return dkim.sign(mail, b"s1", domain, PRIVATE, include_headers=[b"from", b"subject"]) + mail


def results(mail: bytes, origin: SmtpOrigin = PEER, records: FakeZone | None = None) -> str:
    return authentication_results(mail, origin, DOMAIN, zone() if records is None else records)


def test_a_mail_from_where_it_says() -> None:
    line = results(signed(MAIL))
    assert line.startswith(f"Authentication-Results: {DOMAIN}; spf=pass")
    assert "smtp.mailfrom=carol@outside.example" in line
    assert "dkim=pass header.d=outside.example" in line
    assert "dmarc=pass header.from=outside.example" in line


@pytest.mark.parametrize(
    ("mail", "origin", "expected"),
    [
        (MAIL, SmtpOrigin("203.0.113.1", "mx", "carol@outside.example"), ("spf=fail", "dkim=none", "dmarc=fail")),
        (MAIL, SmtpOrigin("192.0.2.9", "mx", "carol@outside.example"), ("spf=pass", "dkim=none", "dmarc=pass")),
        (MAIL, SmtpOrigin("203.0.113.1", "mx", "x@other.example"), ("spf=none", "dkim=none", "dmarc=fail")),
        (MAIL, SmtpOrigin("2001:db8::1", "mx", ""), ("spf=none", "dkim=none", "dmarc=fail")),
        (signed(MAIL).replace(b"cake.", b"pie."), PEER, ("spf=pass", "dkim=fail", "dmarc=pass")),
        (
            signed(MAIL),
            SmtpOrigin("203.0.113.1", "mx", "a@b.example"),
            ("spf=none", "dkim=pass header.d=outside.example", "dmarc=pass"),
        ),
        (MAIL.replace(b"outside.example", b"none.example"), PEER, ("spf=pass", "dmarc=none header.from=none.example")),
        (b"From: a@outside.example\r\n" + MAIL, PEER, ("dmarc=permerror",)),
        (MAIL.replace(b"From", b"X-From"), PEER, ("dmarc=permerror",)),
    ],
)
def test_what_is_recorded(mail: bytes, origin: SmtpOrigin, expected: tuple[str, ...]) -> None:
    line = results(mail, origin)
    for text in expected:
        assert text in line


def test_a_zone_that_is_away_is_a_temporary_error() -> None:
    away = zone()
    away.fails = True
    line = results(signed(MAIL), records=away)
    assert "spf=temperror" in line
    assert "dmarc=temperror" in line
    assert "dkim=pass" not in line


def test_alignment_is_by_organisation() -> None:
    assert organisational_domain("mail.a.example.co.uk") == "example.co.uk"
    assert organisational_domain("news.outside.notyetatld") == "outside.notyetatld"
    mail = MAIL.replace(b"carol@outside.example", b"carol@news.outside.example")
    assert "dmarc=pass header.from=news.outside.example" in results(mail)
    strict = zone()
    strict.records["_dmarc.outside.example", "TXT"] = [b"v=DMARC1; p=reject; aspf=s; adkim=s"]
    assert "dmarc=fail" in results(mail, records=strict)


@pytest.mark.parametrize(
    "helo", ["x\r\nX-Evil: yes", "a; dkim=pass header.d=bank.example", 'q"uote', "ü.example", "", "a" * 300]
)
def test_nothing_of_a_peer_gets_into_the_line_unread(helo: str) -> None:
    line = results(MAIL, SmtpOrigin("192.0.2.7", helo, "carol@outside.example"))
    assert "\r" not in line
    assert "\n" not in line
    assert "bank.example" not in line
    assert line.isascii()


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_no_mail_makes_it_fail(name: str) -> None:
    assert results(SAMPLES[name]).startswith(f"Authentication-Results: {DOMAIN}; ")
    assert name in SAMPLES or name in MALFORMED


@pytest.mark.parametrize(
    "record", [b"v=spf1 include:outside.example -all", b"v=spf1 exists:%{i}.x -all", b"v=spf1 \xff", b"v=spf1 " * 900]
)
def test_no_zone_makes_it_fail(record: bytes) -> None:
    hostile = zone()
    hostile.records["outside.example", "TXT"] = [record]
    hostile.records["_dmarc.outside.example", "TXT"] = [b"v=DMARC1; p", b"v=DMARC1; p=none"]
    assert "dmarc=" in results(MAIL, records=hostile)


@pytest.mark.parametrize(
    "forged",
    [
        f"Authentication-Results: {DOMAIN}; spf=pass",
        f"AUTHENTICATION-RESULTS : {DOMAIN.upper()} 1; spf=pass",
        f"Authentication-Results: (we) {DOMAIN} (yes);\n dkim=pass",
        f"Authentication-Results:\n {DOMAIN};\n\tdkim=pass",
        f'Authentication-Results: "{DOMAIN}"; dkim=pass',
        'Authentication-Results: "g\\ate.example"; dkim=pass',
        f"Authentication-Results: {DOMAIN}",
    ],
)
def test_lines_that_claim_to_be_ours_are_taken_away(forged: str) -> None:
    other = "Authentication-Results: relay.outside.example; dkim=pass\n"
    body = f"\nAuthentication-Results: {DOMAIN}; in the text\n"
    mail = crlf(f"A: b\n{forged}\n{other}From: c@d.example\n{body}")
    assert without_forged_results(mail, DOMAIN) == crlf(f"A: b\n{other}From: c@d.example\n{body}")


def test_a_mail_that_ends_early_is_left_as_it_is() -> None:
    for mail in (b"", b"\r\n", b"text", b"A: b", b"A: b\r\n", b"\r\n\r\nAuthentication-Results: gate.example; x"):
        assert without_forged_results(mail, DOMAIN) == mail
