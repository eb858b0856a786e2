"""A survey as it is written (`SurveyDraft`), and as everybody holds it (`Questionnaire`): docs/protocol/stats.md, 1.

The questionnaire has all that a client needs to answer: questions, mechanisms as integers, and token keys. Its id is
a hash of it, so that everybody who has the id answers the same questions, by the same mechanisms, under the same keys.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import Enum
from typing import Annotated

import msgspec

from loopixmix.errors import UNDECODABLE, FormatError
from stats.questionnaire.questions import AnyQuestion, Label, Name, Text

FORMAT = 1
MOST_BYTES = 200_000
"""Of an encoded questionnaire: an answer of a hosted service has at most 256 KiB."""
MOST_QUESTIONS = 64
_ID_DOMAIN = b"loopixmix/stats/questionnaire/v1"
_DRAFT_DOMAIN = b"loopixmix/stats/draft/v1"

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Decimal = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}(\.[0-9]{1,12})?$")]
"""A number that is not whole, written out: canonical JSON here holds no floats."""


class PersonKind(Enum):
    """Who is "a person", and so may answer once."""

    CODES = "codes"
    """Whoever has a code of the issuer's list."""
    CONTACTS = "contacts"
    """Whoever holds the key of an address on the issuer's list."""
    ACCOUNT = "account"
    """Whoever has an account with a name at one provider. Guests never count."""
    OPEN = "open"
    """Anybody, as often as they like: said with every result."""


class Persons(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may answer, and who signs their tokens."""

    kind: PersonKind
    issuer: Label
    """The provider that hosts the issuer; another one than the collector's."""
    provider: str = ""
    """With `ACCOUNT`: whose accounts count."""


class Travel(Enum):
    """How the answers of a person travel."""

    TOGETHER = "together"
    """In one report: cross tables are possible, and the privacy losses add up within it."""
    SEPARATE = "separate"
    """Each in a report of its own, at a random time of its own, with a token of its own."""


class AtClose(Enum):
    """What becomes of reports that are too few when the survey closes."""

    MERGE = "merge"
    """A threshold of reports is always held back, so that the last ones have company."""
    DISCARD = "discard"


class Mode(Enum):
    """Where the noise is added."""

    LOCAL = "local"
    CENTRAL = "central"
    """Reports carry the true answers to a data set that only noisy questions reach. The collector must be trusted."""


class PrivacyGoal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the survey promises to the people who answer."""

    mode: Mode = Mode.LOCAL
    eps: Decimal
    """The loss of one person over all reports of a period, against somebody who sees everything but one mix."""
    eps0_most: Decimal = "5"
    """The same if all mixes work together: at most this, for each report."""
    delta: Decimal = "0.000001"
    sybil_share: Decimal = "0.05"
    """The share of each batch that may be an attacker's, and hide nobody; sent all at one time, few tokens fill one."""


class Batching(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When reports are released."""

    threshold: Annotated[int, msgspec.Meta(ge=2, le=10_000_000)]
    """Never fewer at once, of one kind of report and period."""
    longest_wait_s: Annotated[int, msgspec.Meta(ge=1, le=366 * 86_400)]
    """After so long, the waiting ones are released if they are enough."""
    at_close: AtClose = AtClose.MERGE


class Periods(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The periods of a survey, the first from its opening on."""

    length_s: Annotated[int, msgspec.Meta(ge=60, le=10 * 366 * 86_400)]
    count: Annotated[int, msgspec.Meta(ge=1, le=400)]


class SurveyDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A survey as its author writes it."""

    format: Annotated[int, msgspec.Meta(ge=FORMAT, le=FORMAT)] = FORMAT
    name: Name
    version: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    title: Label
    consent: Text
    """Shown before anything is answered."""
    opens: Moment
    closes: Moment
    collector: Label
    """The provider that hosts the collector."""
    persons: Persons
    privacy: PrivacyGoal
    batching: Batching
    travel: Travel = Travel.SEPARATE
    periods: Periods | None = None
    """Without it the whole survey is one period."""
    questions: Annotated[tuple[AnyQuestion, ...], msgspec.Meta(min_length=1, max_length=MOST_QUESTIONS)]

    @property
    def opens_s(self) -> int:
        """When it opens, in Unix seconds."""
        return int(self.opens.timestamp())

    @property
    def closes_s(self) -> int:
        """When it closes, in Unix seconds."""
        return int(self.closes.timestamp())

    @property
    def draft_id(self) -> bytes:
        """A hash of it, 32 bytes: the purposes of its tokens are named after it."""
        return hashlib.sha256(_DRAFT_DOMAIN + encode_canonical(self)).digest()


class MechanismKind(Enum):
    """The local randomisers (docs/protocol/stats.md, 2)."""

    KRR = "krr"
    HADAMARD = "hadamard"
    UNARY = "unary"
    SAMPLED_BIT = "sampled-bit"
    NONE = "none"
    """The true answer: only in a data set with central noise."""


class MechanismSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mechanism as integers: `true_weight / false_weight` is at most e**eps0."""

    kind: MechanismKind
    domain: Annotated[int, msgspec.Meta(ge=2, le=2**62)]
    true_weight: Annotated[int, msgspec.Meta(ge=1, le=2**62)]
    false_weight: Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class Sheet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of report: the questions that travel in it, each with its mechanism, in the order of the draft."""

    purpose: Annotated[str, msgspec.Meta(pattern=r"^stats-[0-9a-f]{16}-[0-9]{1,2}$")]
    """Of its tokens."""
    questions: tuple[Name, ...]
    mechanisms: tuple[MechanismSpec, ...]


class SurveyKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token key of one sheet and period."""

    sheet: Annotated[int, msgspec.Meta(ge=0, lt=MOST_QUESTIONS)]
    period: Annotated[int, msgspec.Meta(ge=0, lt=400)]
    key: bytes
    """An encoded `loopixmix.tokens.TokenKey`; base64 in JSON."""


class Questionnaire(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen survey. `stats.questionnaire.checking` says whether it is a sound one."""

    draft: SurveyDraft
    sheets: tuple[Sheet, ...]
    keys: tuple[SurveyKey, ...]

    @property
    def survey_id(self) -> bytes:
        """A hash of it, 32 bytes."""
        return hashlib.sha256(_ID_DOMAIN + encode_canonical(self)).digest()


def encode_canonical(value: SurveyDraft | Questionnaire) -> bytes:
    """Return the one encoding of it: JSON with sorted keys, without spaces and floats."""
    return msgspec.json.encode(value, order="sorted")


def decode_questionnaire(data: bytes) -> Questionnaire:
    """Return the questionnaire in `data`, which has its one encoding; raise `FormatError`.

    Whether it is sound is not looked at; see `stats.questionnaire.checking`.
    """
    if len(data) > MOST_BYTES:
        raise FormatError(f"a questionnaire has at most {MOST_BYTES} bytes, not {len(data)}")
    try:
        questionnaire = msgspec.json.decode(data, type=Questionnaire)
    except UNDECODABLE as error:
        raise FormatError(f"not a questionnaire: {error}") from error
    if encode_canonical(questionnaire) != data:
        raise FormatError("the questionnaire is not in its canonical form")
    return questionnaire
