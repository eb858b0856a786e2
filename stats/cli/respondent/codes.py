"""A code that comes over the network, to an address: it is asked for if need be, and looked for among the messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from client.api import Client, ReceivedMessage, Verified
from loopixmix.errors import FormatError, MisuseError, UnavailableError
from stats.answer.surveys import JoinedSurvey
from stats.issue.letters import ASK_KIND, CODE_KIND, ISSUER_ACCOUNT, decode_code
from stats.questionnaire.questionnaire import PersonKind

LOOK_S = 5.0
PATIENCE_S = 3_600.0
AT_ONCE = 100

_SURENESS = {Verified.UNKNOWN: 1, Verified.PINNED: 2, Verified.COMPARED: 3}


@dataclass(frozen=True)
class ObtainedCode:
    """A code that came, and how sure it is that `issuer` has sent it."""

    code: str
    issuer: str
    verified: Verified

    @property
    def words(self) -> str:
        """Whose code it is, for the person."""
        match self.verified:
            case Verified.COMPARED:
                return f"the code came from {self.issuer}, whose key was compared"
            case Verified.PINNED:
                return f"the code came from {self.issuer}, whose key is pinned, but not compared"
            case Verified.UNKNOWN:
                return f"the code claims to come from {self.issuer}, whose key is not known here"


async def obtain_code(
    client: Client, survey: JoinedSurvey, pause: Callable[[float], Awaitable[None]], *, patience_s: float = PATIENCE_S
) -> ObtainedCode:
    """Return the code that the issuer sent to the address of `client`, which is not the client that answers.

    If the survey is for the accounts of a provider, it is asked for. `pause`: waits for seconds.
    Raises `MisuseError` if the survey has no such codes, `UnavailableError` if none came in `patience_s`, and the
    client's errors.
    """
    draft = survey.questionnaire.draft
    issuer = f"{ISSUER_ACCOUNT}@{draft.persons.issuer}"
    if draft.persons.kind not in (PersonKind.CONTACTS, PersonKind.ACCOUNT):
        raise MisuseError("the codes of this survey are not sent over the network: they come with the invitations")
    if draft.persons.kind is PersonKind.ACCOUNT:
        await client.add_contact(issuer)
        await client.send(issuer, draft.draft_id, kind=ASK_KIND, idempotency_key=f"ask-{draft.draft_id.hex()}")
    waited_s = 0.0
    while True:
        found = await _find(client, issuer, draft.draft_id)
        if found is not None:
            return found
        if waited_s >= patience_s:
            raise UnavailableError(f"no code of {issuer} came; it may take longer, so try again later")
        await pause(LOOK_S)
        waited_s += LOOK_S


async def _find(client: Client, issuer: str, draft_id: bytes) -> ObtainedCode | None:
    """Return the newest code of the issuer among those whose sender is surest; None if there is no code."""
    after, found = 0, None
    while True:
        messages = await client.inbox(after=after, limit=AT_ONCE)
        if not messages:
            return found
        for message in messages:
            after = message.number
            code = _code_in(message, issuer, draft_id)
            if code and (found is None or _SURENESS[message.verified] >= _SURENESS[found.verified]):
                found = ObtainedCode(code, issuer, message.verified)


def _code_in(message: ReceivedMessage, issuer: str, draft_id: bytes) -> str:
    if message.kind != CODE_KIND or message.sender != issuer:
        return ""
    try:
        sent = decode_code(message.body)
    except FormatError:
        return ""
    return sent.code if sent.draft_id == draft_id else ""
