"""The anonymous form: what it keeps, what it never tells, and that it is one form."""

from __future__ import annotations

import email
import re
from email.policy import default
from random import Random

import pytest

from leap_plugin.mail.addresses import AddressError
from leap_plugin.mail.canonical import ANONYMOUS, CanonicalMail, UnsuitableMailError, canonicalise
from leap_plugin.mail.envelope import MAX_MAIL_BYTES, MailTooLongError
from leap_plugin.mail.parsing import MalformedMailError
from tests.worlds.mails import (
    BARE_LF,
    ENCODED_SUBJECT,
    FLOWED,
    LATIN1_8BIT,
    LEAKS,
    MALFORMED,
    NESTED,
    PGP_MIME,
    PLAIN,
    PNG,
    QUOTED_PRINTABLE,
    REPLY,
    SAMPLES,
    SMTPUTF8,
    crlf,
    head,
)

UNSUITABLE = {
    "pgp_signed": "signed",
    "smime": "pkcs7",
    "html_only": "plain text",
    "forwarded": "header lines of others",
}
SUITABLE = [name for name in SAMPLES if name not in MALFORMED and name not in UNSUITABLE]
NOON_S = 1_764_417_600.0
ALLOWED = {
    *("From", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version"),
    *("Content-Type", "Content-Transfer-Encoding"),
}


def canonical(mail: bytes, *, seed: int = 1, sender: str = ANONYMOUS, **ids: str) -> CanonicalMail:
    known = {f"<{old.replace('_at_', '@')}>": new for old, new in ids.items()}
    return canonicalise(mail, sender=sender, ids=known, now_s=NOON_S, rng=Random(seed))


def with_text(text: str, extra: str = "") -> bytes:
    return crlf(head(f"Content-Type: text/plain; charset=utf-8{extra}\n") + f"\n{text}")


@pytest.mark.parametrize("name", SUITABLE)
def test_nothing_of_the_program_and_machine_leaves(name: str) -> None:
    message = canonical(SAMPLES[name]).message
    assert [leak for leak in LEAKS if leak in message] == []
    parsed = email.message_from_bytes(message, policy=default)
    assert [part.defects for part in parsed.walk() if part.defects] == []
    assert set(parsed.keys()) <= ALLOWED
    assert b"\n" not in message.replace(b"\r\n", b"")
    assert max(len(line) for line in message.splitlines()) <= 998
    decoded = b"".join(part.get_payload(decode=True) or b"" for part in parsed.walk())
    assert [leak for leak in LEAKS if leak in decoded] == []


def test_the_whole_form_of_a_plain_mail() -> None:
    assert canonical(PLAIN).message.decode() == (
        "From: anonymous@mix.invalid\r\n"
        "To: bob@provider-2.mix.invalid\r\n"
        "Subject: Hello\r\n"
        "Date: Sat, 29 Nov 2025 00:00:00 +0000\r\n"
        "Message-ID: <f5b165224a58b791df6af1d8303e61cd@mix.invalid>\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        "\r\n"
        "SGVsbG8gQm9iLg0K\r\n"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LATIN1_8BIT, QUOTED_PRINTABLE),
        (with_text("a long line \nthat is one  \n", "; format=flowed"), with_text("a long line that is one\n\n\n")),
        (with_text("u\u0308"), with_text("\u00fc")),
        (PLAIN, PLAIN.replace(b"\r\n", b"\n")),
        (PLAIN, PLAIN.replace(b"\r\n\r\n", b"\r\nX-Other: program\r\nX-Priority: 1\r\n\r\n", 1)),
        (PLAIN, PLAIN.replace(b"workstation", b"laptop").replace(b"14:03:09 +0200", b"09:00:00 -0800")),
        (PLAIN, PLAIN.replace(b'"Bob B." <bob@provider-2.mix.invalid>', b"bob@Provider-2.mix.invalid")),
        (PLAIN, PLAIN.replace(b"Alice Liddell <alice", b"Someone <someone")),
    ],
)
def test_two_who_send_the_same_text_give_the_same_bytes(one: bytes, other: bytes) -> None:
    assert canonical(one).message == canonical(other).message


def test_only_the_ids_are_random() -> None:
    one, other = canonical(NESTED, seed=1).message, canonical(NESTED, seed=2).message
    assert one != other
    assert re.sub(rb"[0-9a-f]{32}", b"", one) == re.sub(rb"[0-9a-f]{32}", b"", other)


def test_the_day_is_told_and_not_the_hour() -> None:
    dates = {
        canonicalise(PLAIN, sender=ANONYMOUS, ids={}, now_s=NOON_S + shift, rng=Random(1)).message
        for shift in (-43_200.0, 0.0, 43_199.9)
    }
    assert len(dates) == 1


def test_a_nested_mail_is_its_text_and_its_files() -> None:
    result = canonical(NESTED)
    parts = list(email.message_from_bytes(result.message, policy=default).walk())
    assert [(part.get_content_type(), part.get_filename()) for part in parts] == [
        ("multipart/mixed", None),
        ("text/plain", None),
        ("image/png", "smile.png"),
        ("application/pdf", "plan.pdf"),
    ]
    assert parts[1].get_payload(decode=True) == b"Hello Bob.\r\n"
    assert parts[2].get_payload(decode=True) == PNG
    assert parts[3].get_payload(decode=True) == b"%PDF-1.7 " + bytes(range(256))
    assert result.left_out == ("the same text as HTML, which would tell the mail program",)


def test_a_text_file_does_not_stand_for_the_text() -> None:
    # Otherwise the HTML would be left out, and what the author wrote with it.
    with pytest.raises(UnsuitableMailError, match="plain text"):
        canonical(NESTED.replace(b"text/plain; charset=us-ascii", b"text/plain; charset=us-ascii; name=notes.txt"))


def test_an_encrypted_mail_keeps_its_packets_and_loses_the_marks_of_its_program() -> None:
    message = canonical(PGP_MIME).message
    parsed = email.message_from_bytes(message, policy=default)
    assert parsed["Content-Type"].params["protocol"] == "application/pgp-encrypted"
    control, packets = parsed.iter_parts()  # type: ignore[attr-defined]
    assert control.get_payload() == "Version: 1\r\n"
    assert b"hQEMA0123456789abAQf/a1b2c3d4" in packets.get_payload(decode=True)
    assert b"GnuPG" not in message
    assert b"Comment" not in message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Version: 1\r\n", b"Version: 2\r\n"),
        (b"-----END PGP MESSAGE-----", b"-----END-----"),
        (b"hQEMA", b"hQ EMA"),
        (b"=ab12\r\n", b"=ab12\r\nmore\r\n"),
    ],
)
def test_broken_armour_is_refused(old: bytes, new: bytes) -> None:
    assert old in PGP_MIME
    with pytest.raises(MalformedMailError, match="OpenPGP"):
        canonical(PGP_MIME.replace(old, new))


def test_another_kind_of_encryption_is_refused() -> None:
    with pytest.raises(UnsuitableMailError, match="RFC 3156"):
        canonical(PGP_MIME.replace(b'protocol="application/pgp-encrypted"', b'protocol="application/other"'))


def test_bcc_is_gone_and_cc_stays() -> None:
    message = canonical(REPLY).message
    assert b"carol" not in message
    assert b"Cc: dave@example.org,\r\n erin@provider-2.mix.invalid\r\n" in message
    alone = canonical(b"Bcc: carol@provider-1.mix.invalid\r\n\r\nHello\r\n").message
    assert b"carol" not in alone
    assert b"To: undisclosed-recipients:;\r\n" in alone


def test_threads_hold_by_the_map_and_unknown_ids_stay_at_home() -> None:
    first = canonical(PLAIN)
    (old,), (new,) = first.ids.keys(), first.ids.values()
    assert old == "<8f2c.1764417789@workstation.lan>"
    assert f"Message-ID: {new}".encode() in first.message
    reply = REPLY.replace(b"<7a1b.1764410000@workstation.lan>", old.encode())
    answered = canonicalise(
        reply.replace(b"Message-ID: " + old.encode(), b"Message-ID: <second@workstation.lan>"),
        sender=ANONYMOUS,
        ids=first.ids,
        now_s=NOON_S,
        rng=Random(2),
    )
    assert f"In-Reply-To: {new}\r\nReferences: {new}\r\n".encode() in answered.message
    assert b"elsewhere.example" not in answered.message
    # An answer to what came back quotes the new id already.
    third = canonicalise(
        reply.replace(old.encode(), new.encode()), sender=ANONYMOUS, ids=first.ids, now_s=NOON_S, rng=Random(3)
    )
    assert f"In-Reply-To: {new}\r\n".encode() in third.message


def test_a_mail_that_is_sent_again_keeps_its_id() -> None:
    first = canonical(PLAIN)
    again = canonicalise(PLAIN, sender=ANONYMOUS, ids=first.ids, now_s=NOON_S, rng=Random(2))
    assert again == first


def test_the_sender_is_a_bare_address() -> None:
    assert canonical(PLAIN, sender="x@example.org").message.startswith(b"From: x@example.org\r\n")
    for sender in ("Alice <x@example.org>", "x@example.org\r\nX: y", ""):
        with pytest.raises(AddressError):
            canonical(PLAIN, sender=sender)


def test_addresses_beyond_ascii_are_told() -> None:
    assert canonical(SMTPUTF8).needs_smtputf8
    assert "To: 用户@example.org\r\n".encode() in canonical(SMTPUTF8).message
    assert not canonical(PLAIN).needs_smtputf8


def test_a_subject_has_one_form() -> None:
    assert canonical(ENCODED_SUBJECT).message.splitlines()[2] == b"Subject: =?utf-8?b?R3LDvMOfZSBhdXMgS8O2bG4=?="
    for subject in ("ü" * 100, "words " * 50, "a =?b"):
        message = canonical(crlf(head(subject=subject) + "\nText\n")).message
        assert all(len(line) <= 84 for line in message.splitlines())
        assert email.message_from_bytes(message, policy=default)["Subject"] == " ".join(subject.split())


def test_flowed_text_leaves_as_its_author_saw_it() -> None:
    parsed = email.message_from_bytes(canonical(FLOWED).message, policy=default)
    expected = "This line was broken by the program and goes on here.\r\n> quoted text\r\n-- \r\nAlice\r\n"
    assert parsed.get_payload(decode=True) == expected.encode()


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_mail_is_refused(name: str) -> None:
    with pytest.raises(MalformedMailError):
        canonical(MALFORMED[name])


@pytest.mark.parametrize("name", UNSUITABLE)
def test_what_cannot_leave_is_refused_with_a_reason(name: str) -> None:
    with pytest.raises(UnsuitableMailError, match=UNSUITABLE[name]):
        canonical(SAMPLES[name])


def test_control_characters_and_wrong_addresses_are_refused() -> None:
    with pytest.raises(UnsuitableMailError, match="control"):
        canonical(with_text("\x1b[2J"))
    with pytest.raises(AddressError):
        canonical(BARE_LF.replace(b"b@provider-2.mix.invalid", b"b@nowhere.invalid"))


def test_a_mail_that_becomes_too_long_is_refused() -> None:
    line = b"a" * 900 + b"\r\n"
    with pytest.raises(MailTooLongError, match="would leave"):
        canonical(b"To: b@x.example\r\n\r\n" + line * (MAX_MAIL_BYTES // 1000))
