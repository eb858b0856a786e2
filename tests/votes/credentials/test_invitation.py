from __future__ import annotations

import base64

import pytest

from loopixmix.errors import FormatError
from votes.credentials.invitation import Invitation, decode_invitation

INVITATION = Invitation(bytes(range(32)), 5, (b"\1" * 32, b"\2" * 32))


def test_an_invitation_comes_back_from_its_text_however_a_mail_breaks_it() -> None:
    text = INVITATION.encode()
    assert decode_invitation(text) == INVITATION
    assert decode_invitation(f" {text[:40]}\r\n{text[40:]}\n") == INVITATION
    alone = Invitation(bytes(32), 0, ())
    assert decode_invitation(alone.encode()) == alone


@pytest.mark.parametrize("wrong", ["", "A", "!!!!", INVITATION.encode()[:-3], INVITATION.encode() + "AA", "é" * 60])
def test_what_is_not_whole_is_refused(wrong: str) -> None:
    with pytest.raises(FormatError, match=r"not whole|allowed form"):
        decode_invitation(wrong)


def test_another_version_and_another_spelling_are_refused() -> None:
    data = bytes([1]) + bytes(40)
    assert decode_invitation(base64.urlsafe_b64encode(data).decode().rstrip("=")).index == 0
    with pytest.raises(FormatError, match="version 2"):
        decode_invitation(base64.urlsafe_b64encode(b"\2" + data[1:]).decode().rstrip("="))
    # The last letter of 41 bytes has four bits that are not used.
    text = base64.urlsafe_b64encode(data).decode().rstrip("=")
    with pytest.raises(FormatError, match="allowed form"):
        decode_invitation(text[:-1] + "B")
