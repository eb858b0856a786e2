"""Two who cheat: one answers twice, in each way that there is, and one sends junk. All of it is refused."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from client.api import Client, ServiceFailedError
from loopixmix.seams import Rng
from loopixmix.tokens import begin_token, decode_token_key
from loopixmix.tokens.exchange import encode_issue_request
from stats.answer.invitation import SurveyInvitation
from stats.answer.joining import ASK_REPORT, COLLECTOR, ISSUER
from stats.answer.store.rows import KeptReport
from stats.questionnaire.questionnaire import Questionnaire
from stats.report.report import REPORT_BYTES, REPORT_ID_BYTES, SentReport, encode_report

TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Cheat:
    """Something that was tried. `what`: in words. `reason`: for which the collector counts it; empty at the issuer."""

    what: str
    reason: str
    refused: bool


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

    async def answer_twice(self) -> list[Cheat]:
        """Ask the issuer for a second token, and the collector to take a second report with the first token."""
        place = self._report.place
        keys = {(each.sheet, each.period): each.key for each in self._questionnaire.keys}
        key = decode_token_key(keys[place.sheet, place.period])
        second = begin_token(key, self._rng)
        wish = encode_issue_request(key, self._invitation.code.encode(), [second.blinded])
        # As for a crash between the taking and the writing down, the client gives the same token by the same key.
        token = await self._client.take_token(key.purpose, idempotency_key=f"stats-{self._report.report_id.hex()}")
        other = dataclasses.replace(self._sent(), token=token, report_id=self._rng.randbytes(REPORT_ID_BYTES))
        return [
            Cheat("a second token for the same code", "", await self._is_refused(ISSUER, wish)),
            Cheat("another report with the same token", "token", await self._is_reported(encode_report(other))),
        ]

    async def send_junk(self) -> list[Cheat]:
        """Send the collector what is no report, or none of this survey."""
        sent, noise = self._sent(), self._rng.randbytes(REPORT_BYTES)
        forged = self._rng.randbytes(321)
        mechanism = self._questionnaire.sheets[sent.sheet].mechanisms[0]
        junk = (
            ("random bytes", "malformed", noise),
            ("a report that is too short", "malformed", noise[:-1]),
            ("a report of another survey", "unknown-survey", self._encoded(sent, survey_id=self._rng.randbytes(32))),
            ("a report of a period to come", "closed", self._encoded(sent, period=7)),
            ("a value that no question has", "outside-domain", self._encoded(sent, values=(mechanism.domain,))),
            ("a report without a token", "token", self._encoded(sent)),
            ("a report with a forged token", "token", self._encoded(sent, token=forged)),
        )
        return [Cheat(what, reason, await self._is_reported(body)) for what, reason, body in junk]

    def _sent(self) -> SentReport:
        place = self._report.place
        return SentReport(place.survey_id, place.sheet, place.period, self._rng.randbytes(REPORT_ID_BYTES), (0,), b"")

    def _encoded(self, sent: SentReport, **changes: object) -> bytes:
        return encode_report(dataclasses.replace(sent, **changes))  # type: ignore[arg-type]

    async def _is_reported(self, body: bytes) -> bool:
        return await self._is_refused(COLLECTOR, bytes([ASK_REPORT]) + body)

    async def _is_refused(self, service: str, body: bytes) -> bool:
        provider = self._invitation.issuer if service == ISSUER else self._invitation.collector
        try:
            await self._client.request(f"{service}@{provider}", body, timeout_s=TIMEOUT_S)
        except ServiceFailedError:
            return True
        return False
