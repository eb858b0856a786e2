"""Taking an invitation: the questionnaire is fetched anonymously, and believed only if it is the one that was meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from client.api import Client, ServiceFailedError
from loopixmix.errors import FormatError, MisuseError, PeerError
from stats.answer.invitation import SurveyInvitation
from stats.answer.store.rows import KeptSurvey
from stats.answer.surveys import JoinedSurvey
from stats.collect.requests import SERVICE, AskedOfCollector, encode_asked
from stats.questionnaire.questionnaire import Questionnaire, decode_questionnaire

ISSUER = "stats-issuer"
"""The name of the hosted service that signs tokens."""
TIMEOUT_S = 600.0

Faults = Callable[[Questionnaire], Sequence[str]]
"""Says all that is unsound about a questionnaire, a sentence each."""


class WrongSurveyError(PeerError):
    """The collector gave another questionnaire than the one of the invitation."""


class UnsoundSurveyError(PeerError):
    """The questionnaire does not keep what it promises."""


async def fetch_survey(
    client: Client, invitation: SurveyInvitation, *, faults: Faults, now_s: float, timeout_s: float = TIMEOUT_S
) -> JoinedSurvey:
    """Ask the collector for the questionnaire of an invitation, and check it.

    Raises `WrongSurveyError` if it is another one, `UnsoundSurveyError` if it breaks its own promises, `MisuseError` if
    it names other parties than the invitation, and the client's errors.
    """
    service = f"{SERVICE}@{invitation.collector}"
    asked = encode_asked(AskedOfCollector.QUESTIONNAIRE, invitation.survey_id)
    try:
        data = await client.request(service, asked, timeout_s=timeout_s)
    except ServiceFailedError as error:
        raise WrongSurveyError(
            f"{service} does not have the survey of this invitation: ask whoever sent it for a right one"
        ) from error
    try:
        questionnaire = decode_questionnaire(data)
    except FormatError as error:
        raise WrongSurveyError(f"{service} gave no questionnaire for this invitation: {error}") from error
    if questionnaire.survey_id != invitation.survey_id:
        raise WrongSurveyError(f"{service} gave the questionnaire of another survey than that of the invitation")
    found = list(faults(questionnaire))
    if found:
        raise UnsoundSurveyError(f"nothing is answered, because the questionnaire is not sound: {'; '.join(found)}")
    draft = questionnaire.draft
    if (draft.collector, draft.persons.issuer) != (invitation.collector, invitation.issuer):
        raise MisuseError(
            f"the invitation names {invitation.collector} and {invitation.issuer}, the questionnaire {draft.collector} "
            f"and {draft.persons.issuer}: ask whoever sent it for a right one"
        )
    kept = KeptSurvey(invitation.survey_id, invitation.collector, invitation.issuer, invitation.code, data, now_s)
    return JoinedSurvey(kept, questionnaire)
