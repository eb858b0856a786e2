"""The other side: whoever has an account with a name asks the issuer for a code, or finds the one that was sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from client.api import Client, Contact, ReceivedMessage
from loopixmix.errors import FormatError, UnavailableError
from loopixmix.seams import Clock
from stats.issue.letters import ASK_KIND, CODE_KIND, ISSUER_ACCOUNT, decode_code
from stats.questionnaire.questionnaire import PersonKind, SurveyDraft

POLL_S = 2.0
PAGE = 100


def issuer_address(draft: SurveyDraft) -> str:
    """Return the address of the issuer of a survey."""
    return f"{ISSUER_ACCOUNT}@{draft.persons.issuer}"


async def receive_code(
    client: Client,
    draft: SurveyDraft,
    *,
    clock: Clock,
    pause: Callable[[float], Awaitable[None]],
    within_s: float,
) -> str:
    """Return the code of a survey, which its issuer sends to the account of `client`; ask for it, if that has to be.

    Once it was asked for, it comes although nobody waits: the client receives it. Raises `UnavailableError` if it has
    not come after `within_s`, and the client's errors.
    """
    issuer, deadline_s = issuer_address(draft), clock.seconds() + within_s
    contact = await client.add_contact(issuer)
    if draft.persons.kind is PersonKind.ACCOUNT:
        key = f"stats-ask-{draft.draft_id.hex()}"
        await client.send(issuer, draft.draft_id, kind=ASK_KIND, idempotency_key=key)
    seen = 0
    while True:
        messages = await client.inbox(after=seen, limit=PAGE)
        for message in messages:
            seen, code = message.number, code_in(message, contact, draft.draft_id)
            if code:
                return code
        if not messages:
            if clock.seconds() > deadline_s:
                raise UnavailableError(f"no code has come from {issuer} yet: look again while your client runs")
            await pause(POLL_S)


def code_in(message: ReceivedMessage, issuer: Contact, draft_id: bytes) -> str:
    """Return the code for a draft that the issuer sent in a message; empty if there is none in it."""
    # By the key, and not by the address: before the issuer was a contact, anybody could claim that.
    if message.kind != CODE_KIND or message.fingerprint != issuer.fingerprint:
        return ""
    try:
        sent = decode_code(message.body)
    except FormatError:
        return ""
    return sent.code if sent.draft_id == draft_id else ""
