"""Names and types of attachments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_plugin.mail.attachments import MAX_NAME_BYTES, Attachment, normalised_name


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("plan.pdf", "plan.pdf"),
        ("/home/alice/plan.pdf", "plan.pdf"),
        ("C:\\Users\\alice\\plan.pdf", "plan.pdf"),
        ("../../.ssh", "ssh"),
        ("  two   words .txt", "two words .txt"),
        ("fdp\u202egpj.exe", "fdpgpj.exe"),
        ("a\r\nBcc: x.txt", "aBcc: x.txt"),
        ('a"b.txt', "a_b.txt"),
        ("u\u0308.txt", "\u00fc.txt"),
        ("a" * 200 + ".pdf", "a" * 116 + ".pdf"),
        ("ü" * 200 + ".pdf", "ü" * 58 + ".pdf"),
        ("x." + "y" * 200, "x." + "y" * 118),
        ("", "attachment"),
        ("...", "attachment"),
        (None, "attachment"),
    ],
)
def test_a_name_has_one_form(name: str | None, form: str) -> None:
    assert normalised_name(name) == form


@given(st.text())
def test_every_name_fits(name: str) -> None:
    form = normalised_name(name)
    assert 1 <= len(form.encode()) <= MAX_NAME_BYTES
    assert form.isprintable()
    assert not set('/\\"') & set(form)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.PDF", "application/pdf"),
        ("a.tar.gz", "application/gzip"),
        ("a.xyz", "application/octet-stream"),
        ("pdf", "application/octet-stream"),
    ],
)
def test_the_type_comes_from_the_name_alone(name: str, kind: str) -> None:
    assert Attachment(name, b"").content_type == kind


def test_the_name_stands_in_one_line() -> None:
    assert Attachment("plan 1.pdf", b"").disposition == 'attachment; filename="plan 1.pdf"'
    assert Attachment("Grüße.pdf", b"").disposition == "attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf"
