"""What an author is shown: all that leaves, and nothing that could deceive."""

from __future__ import annotations

import hashlib
from random import Random

from leap_plugin.mail.canonical import ANONYMOUS, canonicalise
from leap_plugin.mail.preview import preview
from tests.worlds.mails import NESTED, PGP_MIME, PNG, SMTPUTF8, crlf


def shown(mail: bytes) -> str:
    return preview(canonicalise(mail, sender=ANONYMOUS, ids={}, now_s=1_764_417_600.0, rng=Random(1)))


def test_the_author_sees_head_text_files_and_what_stays() -> None:
    canonical = canonicalise(NESTED, sender=ANONYMOUS, ids={}, now_s=1_764_417_600.0, rng=Random(1))
    text = preview(canonical)
    head = canonical.message.partition(b"\r\n\r\n")[0].decode().replace("\r\n", "\n")
    digest = hashlib.sha256(canonical.message).hexdigest()
    assert text.startswith(
        f"What leaves, {len(canonical.message):,} bytes, SHA-256 {digest}:\n\n{head}\n\nHello Bob.\n"
    )
    assert f"[attachment smile.png, image/png, {len(PNG)} bytes, SHA-256 {hashlib.sha256(PNG).hexdigest()}]" in text
    assert "[attachment plan.pdf, application/pdf, 265 bytes" in text
    assert text.endswith("What does not leave:\n- the same text as HTML, which would tell the mail program\n")


def test_the_armour_is_shown_with_a_warning() -> None:
    text = shown(PGP_MIME)
    assert "hQEMA0123456789abAQf/a1b2c3d4" in text
    assert "may name the keys that can open it, also your own" in text


def test_letters_of_all_scripts_are_shown_and_those_that_deceive_are_numbers() -> None:
    assert "用户@example.org" in shown(SMTPUTF8)
    mail = crlf("To: b@x.example\nContent-Type: text/plain; charset=utf-8\n\nGrüße \u202egnp.exe\n")
    assert "Grüße \\u202egnp.exe" in shown(mail)
