"""Who gets a mail, and that no copy tells of the hidden ones."""

from __future__ import annotations

import pytest

from leap_plugin.mail.addresses import AddressError, InsideAddress, OutsideAddress
from leap_plugin.mail.parsing import MalformedMailError
from leap_plugin.mail.recipients import MOST_RECIPIENTS, RecipientsError, fan_out, named_recipients, without_bcc
from tests.worlds.mails import MALFORMED, REPLY, SAMPLES

DOMAINS = frozenset({"example.org"})


def test_each_recipient_gets_it_once_in_the_order_of_the_commands() -> None:
    rcpt = ("bob@provider-2.mix.invalid", "dave@example.org", "BOB@Provider-2.mix.invalid", "x@elsewhere.example")
    assert fan_out(rcpt, DOMAINS) == (
        InsideAddress("bob@provider-2"),
        InsideAddress("dave@example.org"),
        OutsideAddress("x@elsewhere.example"),
    )


def test_nobody_and_too_many_are_refused() -> None:
    many = [f"u{number}@provider-1.mix.invalid" for number in range(MOST_RECIPIENTS + 1)]
    assert len(fan_out(many[:-1], DOMAINS)) == MOST_RECIPIENTS
    for rcpt in ([], many):
        with pytest.raises(RecipientsError):
            fan_out(rcpt, DOMAINS)
    with pytest.raises(AddressError):
        fan_out(["bob"], DOMAINS)


def test_without_commands_the_header_lines_say_it() -> None:
    assert named_recipients(REPLY) == (
        *("bob@provider-2.mix.invalid", "dave@example.org", "erin@provider-2.mix.invalid"),
        "carol@provider-1.mix.invalid",
    )
    assert named_recipients(b"Bcc: a@x.example\r\nTo: team: a@x.example, b@x.example;\r\n\r\n") == (
        "a@x.example",
        "b@x.example",
    )


@pytest.mark.parametrize("to", [b"Bob <>", b"a@x.example,, b@", b"<a@x.example", b"a@x.example\r\nTo: b@x.example"])
def test_a_list_that_programs_read_differently_is_refused(to: bytes) -> None:
    with pytest.raises((AddressError, MalformedMailError)):
        named_recipients(b"To: " + to + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("mail", "kept"),
    [
        (b"A: 1\r\nBcc: x@y\r\nB: 2\r\n\r\nBcc: text\r\n", b"A: 1\r\nB: 2\r\n\r\nBcc: text\r\n"),
        (b"BCC : x@y,\r\n\tz@y,\r\n w@y\r\nB: 2\r\n\r\n", b"B: 2\r\n\r\n"),
        (b"A: 1\nbcc: x@y\n\nBcc: text\n", b"A: 1\n\nBcc: text\n"),
        (b"A: 1\r\nResent-Bcc: x@y\r\nBcc:\r\n\r\n\r\nBcc: text", b"A: 1\r\n\r\n\r\nBcc: text"),
        (b"A: 1\r\nBcc: x@y", b"A: 1\r\n"),
        (b"\r\nBcc: text\r\n", b"\r\nBcc: text\r\n"),
        (b"\nBcc: text\n", b"\nBcc: text\n"),
        (b"X-Bcc: a\r\nNot-Bcc\r\n Bcc: folded\r\n\r\n", b"X-Bcc: a\r\nNot-Bcc\r\n Bcc: folded\r\n\r\n"),
        (b"A: \xff\r\nBcc: \xfe@y\r\nno header line\r\n\r\n\x00\r", b"A: \xff\r\nno header line\r\n\r\n\x00\r"),
        (b"", b""),
    ],
)
def test_bcc_leaves_and_nothing_else(mail: bytes, kept: bytes) -> None:
    assert without_bcc(mail) == kept


@pytest.mark.parametrize("name", SAMPLES)
def test_a_mail_without_bcc_stays_as_it_is(name: str) -> None:
    kept = without_bcc(SAMPLES[name])
    assert kept == SAMPLES[name].replace(b"Bcc: carol@provider-1.mix.invalid\r\n", b"")
    assert name in MALFORMED or b"Bcc" not in kept
