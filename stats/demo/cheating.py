"""Two who cheat: one answers twice, in each way that there is, and one sends junk. All of it is refused."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from client.api import Client, ServiceFailedError
from loopixmix.seams import Rng
from loopixmix.tokens import TokenKey, begin_token, decode_token_key
from loopixmix.tokens.exchange import encode_issue_request
from stats.answer.invitation import SurveyInvitation
from stats.answer.joining import ISSUER
from stats.answer.store.rows import KeptReport
from stats.collect.requests import SERVICE, AskedOfCollector, encode_asked
from stats.questionnaire.questionnaire import Questionnaire
from stats.report.report import REPORT_BYTES, REPORT_ID_BYTES, SentReport, encode_report

TIMEOUT_S = 90.0


@dataclass(frozen=True)
class Cheat:
    """Something that was tried. `what`: in words. `reason`: for which the collector counts it; empty at the issuer."""

    what: str
    reason: str
    refused: bool


@dataclass(frozen=True)
class SentJunk:
    """A body that is no report, or none of this survey, and the reason for which it is refused."""

    what: str
    reason: str
    body: bytes


class Cheater:
    """Somebody who may answer, has answered, and wants to count more often."""

    def __init__(
        self, client: Client, questionnaire: Questionnaire, invitation: SurveyInvitation, report: KeptReport, rng: Rng
    ) -> None:
        """`report`: one that the collector has taken."""
        self._client = client
        self._questionnaire = questionnaire
        self._invitation = invitation
        self._report = report
        self._rng = rng

    async def ask_again(self) -> Cheat:
        """Ask the issuer for a second token."""
        key = self._key()
        second = begin_token(key, self._rng)
        wish = encode_issue_request(key, self._invitation.code.encode(), [second.blinded])
        refused = await is_refused(self._client, f"{ISSUER}@{self._invitation.issuer}", wish)
        return Cheat("a second token for the same code", "", refused)

    async def answer_again(self) -> Cheat:
        """Send another report with the token of the first one."""
        # As for a crash between the taking and the writing down, the client gives the same token by the same key.
        key = f"stats-{self._report.report_id.hex()}"
        token = await self._client.take_token(self._key().purpose, idempotency_key=key)
        other = encode_report(dataclasses.replace(self._sent(), token=token))
        return Cheat("another report with the same token", "token", await self._is_refused(other))

    async def send(self, junk: SentJunk) -> Cheat:
        """Send the collector what is no report, or none of this survey."""
        return Cheat(junk.what, junk.reason, await self._is_refused(junk.body))

    def junk(self) -> list[SentJunk]:
        """Return junk of each kind that the collector tells apart."""
        sent, noise = self._sent(), self._rng.randbytes(REPORT_BYTES)
        domain = self._questionnaire.sheets[sent.sheet].mechanisms[0].domain
        elsewhere, forged = self._rng.randbytes(len(sent.survey_id)), self._rng.randbytes(321)
        return [
            SentJunk("random bytes", "malformed", noise),
            SentJunk("a report that is too short", "malformed", noise[:-1]),
            SentJunk("a report of another survey", "unknown-survey", _changed(sent, survey_id=elsewhere)),
            SentJunk("a report of a period to come", "closed", _changed(sent, period=7)),
            SentJunk("a value that no question has", "outside-domain", _changed(sent, values=(domain,))),
            SentJunk("a report without a token", "token", encode_report(sent)),
            SentJunk("a report with a forged token", "token", _changed(sent, token=forged)),
        ]

    def _key(self) -> TokenKey:
        place = self._report.place
        keys = {(each.sheet, each.period): each.key for each in self._questionnaire.keys}
        return decode_token_key(keys[place.sheet, place.period])

    def _sent(self) -> SentReport:
        place = self._report.place
        return SentReport(place.survey_id, place.sheet, place.period, self._rng.randbytes(REPORT_ID_BYTES), (0,), b"")

    async def _is_refused(self, report: bytes) -> bool:
        return await is_refused(
            self._client, f"{SERVICE}@{self._invitation.collector}", encode_asked(AskedOfCollector.REPORT, report)
        )


async def is_refused(client: Client, service: str, body: bytes) -> bool:
    """Tell whether a service refuses a request; raise the client's errors if it gives no answer."""
    try:
        await client.request(service, body, timeout_s=TIMEOUT_S)
    except ServiceFailedError:
        return True
    return False


def _changed(sent: SentReport, **changes: Any) -> bytes:
    return encode_report(dataclasses.replace(sent, **changes))
