"""What comes to somebody who may answer: which survey, where, and the code for the tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from loopixmix.errors import MisuseError
from stats.report.report import SURVEY_ID_BYTES

PREFIX = "survey-1"
LONGEST = 400
MOST_CODE_BYTES = 128
"""So long a credential of an issuer may be."""
_PROVIDER = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}", re.ASCII)
_CODE = re.compile(rf"[!-9;-~]{{0,{MOST_CODE_BYTES}}}", re.ASCII)


class InvitationError(MisuseError):
    """This is no invitation to a survey."""


@dataclass(frozen=True)
class SurveyInvitation:
    """It is as secret as its code. `collector`, `issuer`: the providers that host them.

    `code`: empty if the survey is open to all, or the code comes by another way.
    """

    collector: str
    survey_id: bytes
    issuer: str
    code: str = field(default="", repr=False)

    def encode(self) -> str:
        """Return it as one word for a mail: `survey-1:COLLECTOR:SURVEY:ISSUER:CODE`."""
        return ":".join((PREFIX, self.collector, self.survey_id.hex(), self.issuer, self.code))


def decode_survey_invitation(text: str) -> SurveyInvitation:
    """Read an invitation; raise `InvitationError`, which never repeats the code. Line breaks of mails are read past."""
    word = "".join(text.split())
    parts = word.split(":")
    if len(word) > LONGEST or len(parts) != len(SurveyInvitation.__dataclass_fields__) + 1 or parts[0] != PREFIX:
        raise InvitationError(f"an invitation to a survey is one word that begins with {PREFIX}: and has four colons")
    _, collector, survey_id, issuer, code = parts
    for provider in (collector, issuer):
        if not _PROVIDER.fullmatch(provider):
            raise InvitationError(f"the invitation names {provider[:40]!r}, which is no name of a provider")
    if not re.fullmatch(rf"[0-9a-f]{{{2 * SURVEY_ID_BYTES}}}", survey_id, re.ASCII):
        raise InvitationError(f"the id of a survey has {2 * SURVEY_ID_BYTES} hexadecimal digits")
    if not _CODE.fullmatch(code):
        raise InvitationError(f"a code has at most {MOST_CODE_BYTES} letters, digits and signs")
    return SurveyInvitation(collector, bytes.fromhex(survey_id), issuer, code)
