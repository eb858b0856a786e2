"""What leaves of a mail, and under which names the client knows it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.api import MAX_BODY_BYTES
from leap_plugin.outgoing.planning import (
    LeavingForms,
    MixPolicy,
    PolicyError,
    bodies_for,
    fragments_in,
    fragments_of_mail,
    idempotency_key,
    longest_mail_bytes,
    mentioned_ids,
    named_form,
    policy_of,
)

NAMED, ANONYMOUS = MixPolicy.NAMED, MixPolicy.ANONYMOUS
MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("lines", "folder", "policy"),
    [
        (b"", None, NAMED),
        (b"", ANONYMOUS, ANONYMOUS),
        (b"X-Mix-Policy: anonymous\r\n", None, ANONYMOUS),
        (b"x-mix-policy:\r\n  Anonymous\r\n", None, ANONYMOUS),
        (b"X-Mix-Policy: named\r\n", None, NAMED),
        (b"X-Mix-Policy: anonymous\r\nX-Mix-Policy: anonymous\r\n", ANONYMOUS, ANONYMOUS),
    ],
)
def test_the_line_or_the_folder_says_how_a_mail_is_sent(
    lines: bytes, folder: MixPolicy | None, policy: MixPolicy
) -> None:
    assert policy_of(b"Subject: x\r\n" + lines + b"\r\nX-Mix-Policy: fast\r\n", folder=folder) is policy


@pytest.mark.parametrize(
    ("lines", "folder"),
    [
        (b"X-Mix-Policy: fast\r\n", None),
        (b"X-Mix-Policy:\r\n", None),
        (b"X-Mix-Policy: named\r\n", ANONYMOUS),
        (b"X-Mix-Policy: named\r\nX-Mix-Policy: anonymous\r\n", None),
    ],
)
def test_no_policy_is_guessed(lines: bytes, folder: MixPolicy | None) -> None:
    with pytest.raises(PolicyError):
        policy_of(lines + b"\r\n", folder=folder)


@given(st.binary(), st.binary(max_size=20))
def test_a_contact_gets_every_byte_but_bcc_and_policy(body: bytes, value: bytes) -> None:
    value = value.replace(b"\n", b"").replace(b"\r", b"")
    mail = b"Subject: x\r\nBcc: " + value + b"\r\nX-MIX-Policy: " + value + b"\r\n\r\n" + body
    assert named_form(mail) == b"Subject: x\r\n\r\n" + body


def test_only_what_is_anonymous_or_goes_outside_is_rebuilt() -> None:
    forms = LeavingForms(b"named", b"canonical")
    assert forms.leaving(anonymous=False, is_outside=False) == b"named"
    assert forms.leaving(anonymous=True, is_outside=False) == b"canonical"
    assert forms.leaving(anonymous=False, is_outside=True) == b"canonical"


def test_the_same_call_gives_the_same_pieces_and_other_recipients_get_others() -> None:
    mail = random.Random(1).randbytes(MAX_BODY_BYTES + 10)
    first = bodies_for(mail, queue_id="a", position=0)
    assert len(first) == 2
    assert first == bodies_for(mail, queue_id="a", position=0)
    assert first != bodies_for(mail, queue_id="a", position=1)
    assert first != bodies_for(mail, queue_id="b", position=0)


def test_keys_of_the_client_differ_and_are_short_enough() -> None:
    keys = {idempotency_key(one * 32, position, piece) for one in "ab" for position in (1, 11) for piece in (0, 1)}
    assert len(keys) == 8
    assert max(map(len, keys)) < 128


def test_ids_of_a_thread_are_found_in_its_lines_only() -> None:
    mail = b"Message-ID: <1@a>\r\nReferences: <2@a>\r\n <3@a>\r\nIn-Reply-To: <3@a>\r\nSubject: <4@a>\r\n\r\n<5@a>"
    assert mentioned_ids(mail) == {"<1@a>", "<2@a>", "<3@a>"}


def test_long_mails_are_counted_in_fragments() -> None:
    assert fragments_in(0, 1900) == 1
    assert fragments_in(1900 * 10, 1900) == 11
    assert fragments_in(10**6, 0) == 1
    assert fragments_of_mail(MAX_BODY_BYTES + 1, 1900) == fragments_in(MAX_BODY_BYTES, 1900) + 1


@pytest.mark.parametrize(("rate", "most"), [(2.0, 36 * MIB), (0.0628, 10_308_608), (1e-9, 1024)])
def test_what_leaves_within_a_day_is_the_longest_mail(rate: float, most: int) -> None:
    assert longest_mail_bytes(rate, 1900, most_bytes=36 * MIB) == most
