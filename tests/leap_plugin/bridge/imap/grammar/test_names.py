"""Names of folders in modified UTF-7, with the examples of RFC 3501 section 5.1.3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_plugin.bridge.imap.grammar.names import decode_name, encode_name
from loopixmix.errors import FormatError


def test_the_example_of_the_rfc() -> None:
    written = b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"
    assert decode_name(written) == "~peter/mail/台北/日本語"
    assert encode_name("~peter/mail/台北/日本語") == written


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50))
def test_names_come_back(name: str) -> None:
    assert decode_name(encode_name(name)) in (name, "INBOX")


# The first three are the RFC's: a superfluous shift, a shift of what needs none, and one without an end.
@pytest.mark.parametrize(
    "written", [b"&U,BTFw-&ZeVnLIqe-", b"&AGE-", b"&U,BTFw", b"\xc3\xa4", b"", b"a" * 1001, b"&!-"]
)
def test_what_no_encoder_writes_is_refused(written: bytes) -> None:
    with pytest.raises(FormatError):
        decode_name(written)


def test_inbox_is_one_folder() -> None:
    assert decode_name(b"inBox") == "INBOX"
