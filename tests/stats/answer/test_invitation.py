from __future__ import annotations

import pytest

from stats.answer.invitation import InvitationError, SurveyInvitation, decode_survey_invitation

INVITATION = SurveyInvitation("provider-2", bytes(range(32)), "provider-1", "K7QX-4M2P")


def test_an_invitation_is_one_word() -> None:
    word = INVITATION.encode()
    assert word.split() == [word]
    assert decode_survey_invitation(word) == INVITATION


def test_line_breaks_of_mails_are_read_past() -> None:
    word = INVITATION.encode()
    assert decode_survey_invitation(f" {word[:50]}\r\n  {word[50:]}\n") == INVITATION


def test_a_survey_that_is_open_to_all_needs_no_code() -> None:
    assert decode_survey_invitation(SurveyInvitation("a", bytes(32), "b").encode()).code == ""


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("hello", "begins with survey-1:"),
        ("survey-2:a:" + "00" * 32 + ":b:", "begins with survey-1:"),
        ("survey-1:a:" + "00" * 32 + ":b:c:d", "four colons"),
        ("survey-1:a:" + "00" * 32 + ":b:" + "x" * 500, "one word"),
        ("survey-1:A:" + "00" * 32 + ":b:", "'A', which is no name of a provider"),
        ("survey-1:a:" + "00" * 32 + "::", "'', which is no name of a provider"),
        ("survey-1:a:" + "00" * 31 + ":b:", "64 hexadecimal digits"),
        ("survey-1:a:" + "AA" * 32 + ":b:", "64 hexadecimal digits"),
        ("survey-1:a:" + "00" * 32 + ":b:" + "x" * 129, "at most 128"),
        ("survey-1:a:" + "00" * 32 + ":b:\u00e9", "letters, digits and signs"),
    ],
)
def test_anything_else_is_refused(word: str, reason: str) -> None:
    with pytest.raises(InvitationError, match=reason):
        decode_survey_invitation(word)


def test_the_code_stands_in_no_error_and_no_repr() -> None:
    assert "K7QX" not in repr(INVITATION)
    with pytest.raises(InvitationError) as caught:
        decode_survey_invitation("survey-1:provider-2:00:provider-1:K7QX-4M2P")
    assert "K7QX" not in str(caught.value)
