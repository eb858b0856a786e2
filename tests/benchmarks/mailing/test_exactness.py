"""What the benchmark of exactness looks for, it finds."""

from __future__ import annotations

import random
import socket

import pytest

from benchmarks.mailing.exactness import elsewhere, leaks_in
from leap_plugin.mail.canonical import ANONYMOUS, canonicalise
from tests.worlds.forty_mails import COUNT, Authors, SampleMail
from tests.worlds.mails import NESTED, PLAIN

AUTHORS = Authors()
FORTY = AUTHORS.forty_mails(random.Random(40), large_bytes=100_000)
SIGNED = [sample for sample in FORTY if sample.signed]


def left(mail: bytes, seed: int) -> bytes:
    return canonicalise(mail, sender=ANONYMOUS, ids={}, now_s=0.0, rng=random.Random(seed)).message


def test_there_are_forty_that_smtp_takes() -> None:
    assert len(FORTY) == COUNT
    for sample in FORTY:
        assert b"\r" not in sample.mail.replace(b"\r\n", b"")
        assert b"\n" not in sample.mail.replace(b"\r\n", b"")
        assert sample.mail.endswith(b"\r\n")


@pytest.mark.needs("openssl", "pysequoia")
@pytest.mark.parametrize("sample", SIGNED, ids=lambda sample: sample.name)
def test_a_signature_verifies_and_one_changed_byte_breaks_it(sample: SampleMail) -> None:
    assert AUTHORS.verifies(sample, sample.mail)
    part = sample.mail.index(b"Content-Type", sample.mail.index(b"\r\n\r\n")) if b"signed;" in sample.mail else None
    place = len(sample.mail) // 2 if part is None else part + 14
    changed = sample.mail[:place] + bytes([sample.mail[place] ^ 1]) + sample.mail[place + 1 :]
    assert not AUTHORS.verifies(sample, changed)
    assert not Authors().verifies(sample, sample.mail)


@pytest.mark.parametrize("mail", [PLAIN, NESTED], ids=["plain", "nested"])
def test_two_people_with_the_same_text_tell_nothing(mail: bytes) -> None:
    assert elsewhere(mail) != mail
    assert leaks_in([left(mail, 1), left(elsewhere(mail), 2)]) == []


@pytest.mark.parametrize(
    "told",
    [b"X-Program: Mutt", b"X-Origin: 10.0.0.23", b"Date: -0800", b"Message-ID: <1@%s>" % socket.gethostname().encode()],
)
def test_what_is_told_is_found(told: bytes) -> None:
    mail = left(PLAIN, 1)
    assert len(leaks_in([told + b"\r\n" + mail] * 2)) == 2


def test_a_difference_between_two_people_is_found() -> None:
    other = left(PLAIN.replace(b"Hello Bob", b"Hello Rob"), 2)
    assert len(leaks_in([left(PLAIN, 1), other])) == 2
