"""The bridge's own lines: true ones, changed ones, forged ones."""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import default
from random import Random

import pytest

from client.api import Verified
from leap_plugin.mail.trace import (
    FalseOrigin,
    NoOrigin,
    Origin,
    ProvenOrigin,
    TraceKey,
    check_mark,
    make_trace_key,
    mark,
)
from loopixmix.errors import ConfigError, MisuseError
from tests.worlds.mails import SAMPLES

KEY = make_trace_key(Random(1))
ORIGIN = Origin("alice@provider-1", Verified.COMPARED)
MAIL = SAMPLES["plain"]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_marked_mail_is_the_mail_behind_two_lines(name: str) -> None:
    marked = mark(SAMPLES[name], ORIGIN, KEY)
    assert marked.split(b"\r\n", 2)[2] == SAMPLES[name]
    assert check_mark(marked, KEY) == ProvenOrigin(ORIGIN, SAMPLES[name])


@pytest.mark.parametrize(
    "origin",
    [
        Origin(None, Verified.UNKNOWN),
        Origin("bob@example.org", Verified.PINNED, "example.org"),
        Origin("bob@provider-2", Verified.UNKNOWN),
        Origin("-bob_@provider-2", Verified.UNKNOWN),
        Origin("key:0123-4567", Verified.UNKNOWN),
        Origin(None, Verified.UNKNOWN, None, "reply-abcdefghjkmnpqrs@mix.invalid"),
    ],
)
def test_what_the_lines_say_comes_back(origin: Origin) -> None:
    assert check_mark(mark(MAIL, origin, KEY), KEY) == ProvenOrigin(origin, MAIL)


ANSWERABLE = Origin(None, Verified.UNKNOWN, None, "reply-abcdefghjkmnpqrs@mix.invalid")


def test_a_mail_program_finds_how_to_answer_an_anonymous_mail() -> None:
    marked = mark(MAIL, ANSWERABLE, KEY)
    assert BytesParser(policy=default).parsebytes(marked)["Reply-To"] == ANSWERABLE.reply
    assert check_mark(marked, KEY) == ProvenOrigin(ANSWERABLE, MAIL)
    assert check_mark(marked.replace(b"\r\n", b"\n"), KEY) == ProvenOrigin(ANSWERABLE, MAIL)
    # As earlier versions marked it.
    assert check_mark(marked.replace(f"Reply-To: {ANSWERABLE.reply}\r\n".encode(), b""), KEY) == ProvenOrigin(
        ANSWERABLE, MAIL
    )
    for changed in (b"Reply-To: reply-bbcdefghjkmnpqrs@mix.invalid\r\n", b"Reply-To: eve@outside.example\r\n"):
        assert check_mark(marked.replace(f"Reply-To: {ANSWERABLE.reply}\r\n".encode(), changed), KEY) == FalseOrigin()
    assert (
        check_mark(mark(MAIL, ORIGIN, KEY).replace(MAIL, b"Reply-To: eve@x.example\r\n" + MAIL), KEY) == FalseOrigin()
    )


def test_a_mail_that_says_itself_how_to_answer_gets_no_second_line() -> None:
    mail = b"reply-to: other@provider-1.mix.invalid\r\n" + MAIL
    marked = mark(mail, ANSWERABLE, KEY)
    assert marked.lower().count(b"\r\nreply-to:") == 1
    assert check_mark(marked, KEY) == ProvenOrigin(ANSWERABLE, mail)


def test_the_words_are_for_people_too() -> None:
    line = mark(MAIL, Origin("bob@example.org", Verified.PINNED, "example.org"), KEY).splitlines()[0].decode()
    expected = "came by the mix network; from=bob@example.org; key=pinned; sealed=to the gateway of example.org"
    assert line == f"X-{KEY.word}-Mix: {expected}"


def test_each_change_is_found() -> None:
    marked = mark(MAIL, ORIGIN, KEY)
    name = len(f"X-{KEY.word}-Mix")
    for place in range(name, len(marked)):
        changed = marked[:place] + bytes([marked[place] ^ 1]) + marked[place + 1 :]
        assert check_mark(changed, KEY) == FalseOrigin()
    assert check_mark(marked + b"\r\n", KEY) == FalseOrigin()
    assert check_mark(marked[:-1], KEY) == FalseOrigin()


def test_the_lines_of_one_mail_do_not_fit_another() -> None:
    lines = mark(MAIL, ORIGIN, KEY).removesuffix(MAIL)
    assert check_mark(lines + SAMPLES["flowed"], KEY) == FalseOrigin()


def test_forged_lines_under_other_names_are_left_alone() -> None:
    forger = make_trace_key(Random(2))
    forged = mark(MAIL, ORIGIN, forger)
    assert check_mark(forged, KEY) == NoOrigin()
    assert check_mark(mark(forged, Origin(None, Verified.UNKNOWN), KEY), KEY) == ProvenOrigin(
        Origin(None, Verified.UNKNOWN), forged
    )


def test_a_forger_who_learnt_the_word_has_no_key() -> None:
    forged = mark(MAIL, ORIGIN, TraceKey(KEY.word, bytes(32)))
    assert check_mark(forged, KEY) == FalseOrigin()
    # Even such lines inside of a mail are only a part of it.
    assert check_mark(b"Subject: x\r\n" + forged, KEY) == NoOrigin()


def test_a_program_that_stores_lf_alone_does_not_spoil_the_proof() -> None:
    stored = mark(MAIL, ORIGIN, KEY).replace(b"\r\n", b"\n")
    assert check_mark(stored, KEY) == ProvenOrigin(ORIGIN, MAIL)
    assert check_mark(stored + b"more\n", KEY) == FalseOrigin()


@pytest.mark.parametrize("sender", ["a@b\r\nX-Evil: 1", "a@b; key=compared", "A@b", "", "ä@b"])
def test_nothing_else_gets_into_the_line(sender: str) -> None:
    with pytest.raises(MisuseError):
        mark(MAIL, Origin(sender, Verified.UNKNOWN), KEY)


def test_the_key_is_nowhere_shown_and_of_one_form() -> None:
    assert KEY.key.hex() not in repr(KEY)
    assert repr(KEY.key) not in repr(KEY)
    assert make_trace_key(Random(1)) == KEY != make_trace_key(Random(2))
    for word, key in (("abc", bytes(32)), (KEY.word, bytes(31)), ("a: b\r\nc-de", bytes(32))):
        with pytest.raises(ConfigError):
            TraceKey(word, key)
