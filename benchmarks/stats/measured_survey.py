"""A survey that is open now, and reports for it with tokens that are good."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from loopixmix.tokens import Token, TokenKey, encode_token, encode_token_key
from loopixmix.tokens.blinding import PREFIX_BYTES, SALT_BYTES, prepare
from loopixmix.tokens.keys import PUBLIC_EXPONENT, encode_public
from stats.questionnaire.questionnaire import (
    AtClose,
    Batching,
    MechanismKind,
    MechanismSpec,
    PersonKind,
    Persons,
    PrivacyGoal,
    Questionnaire,
    Sheet,
    SurveyDraft,
    SurveyKey,
    Travel,
    encode_canonical,
)
from stats.questionnaire.questions import SingleChoice
from stats.report.report import SentReport, encode_report

FILE = "questionnaire.json"
THRESHOLD = 2_000
HOUR_S = 3_600
OPTIONS = ("never", "seldom", "weekly", "daily", "often")
WIDE = MechanismSpec(kind=MechanismKind.NONE, domain=2**62, true_weight=1, false_weight=0)
"""So that each report is known again where it was released."""
KRR = MechanismSpec(kind=MechanismKind.KRR, domain=len(OPTIONS), true_weight=30, false_weight=10)


class MeasuredSurvey:
    """A survey of three questions, whose issuer's key is at hand."""

    def __init__(self) -> None:
        """Make the key and the questionnaire: open since an hour, for two more."""
        self._private: RSAPrivateKey = generate_private_key(PUBLIC_EXPONENT, 2048)
        self._rng = random.Random(7)
        opens_s = int(time.time()) - HOUR_S
        draft = _draft(opens_s)
        purpose = f"stats-{draft.draft_id.hex()[:16]}-0"
        public = encode_public(self._private.public_key().public_numbers().n)
        self._key = TokenKey(purpose=purpose, begins_s=draft.opens_s, ends_s=draft.closes_s, public=public)
        sheet = Sheet(
            purpose=purpose, questions=tuple(each.name for each in draft.questions), mechanisms=(WIDE, KRR, KRR)
        )
        key = SurveyKey(sheet=0, period=0, key=encode_token_key(self._key))
        self.questionnaire = Questionnaire(draft=draft, sheets=(sheet,), keys=(key,))

    def write(self, directory: Path) -> Path:
        """Write the questionnaire into a file."""
        path = directory / FILE
        path.write_bytes(encode_canonical(self.questionnaire))
        return path

    def report(self, number: int) -> bytes:
        """Return the bytes of a report whose first value is `number`."""
        values = (number, self._rng.randrange(len(OPTIONS)), self._rng.randrange(len(OPTIONS)))
        report_id = self._rng.randbytes(16)
        return encode_report(SentReport(self.questionnaire.survey_id, 0, 0, report_id, values, self._token()))

    def _token(self) -> bytes:
        # A finished token is an ordinary signature. Made without a blind it costs a third.
        prefix = self._rng.randbytes(PREFIX_BYTES)
        message = prepare(b"loopixmix/token/v1" + self._key.key_id, prefix)
        padding = PSS(mgf=MGF1(hashes.SHA384()), salt_length=SALT_BYTES)
        return encode_token(Token(self._key.key_id, prefix, self._private.sign(message, padding, hashes.SHA384())))


def _draft(opens_s: int) -> SurveyDraft:
    names = ("number", "coffee", "tea")
    return SurveyDraft(
        name="measured",
        version=1,
        title="Measured",
        consent="Numbers.",
        opens=datetime.fromtimestamp(opens_s, UTC),
        closes=datetime.fromtimestamp(opens_s + 3 * HOUR_S, UTC),
        collector="provider-1",
        persons=Persons(kind=PersonKind.CODES, issuer="provider-2"),
        privacy=PrivacyGoal(eps="1"),
        batching=Batching(threshold=THRESHOLD, longest_wait_s=5, at_close=AtClose.MERGE),
        travel=Travel.TOGETHER,
        questions=tuple(SingleChoice(name=name, text="How often?", options=OPTIONS) for name in names),
    )
