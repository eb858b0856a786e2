"""An issuer of surveys in tests: drafts, an issuer whose clock a test moves, and one with a client."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from twisted.internet.task import Clock

from client.api import Client
from client.testing import FakeClient, FakeNetwork, wait_for
from loopixmix.store.access import inline_access
from loopixmix.store.commits import SharedCommits
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from loopixmix.tokens import PendingToken, TokenKey, begin_token, decode_token_key
from loopixmix.tokens.exchange import encode_issue_request
from stats.issue.codes import draw_code, hash_code
from stats.issue.directory import STORE_FILE
from stats.issue.issuing import SurveyIssuing
from stats.issue.letters import ASK_KIND, CODE_KIND, ISSUER_ACCOUNT, SentCode, decode_code
from stats.issue.mailing import CodeMailing
from stats.issue.people import (
    Addressee,
    AddresseeState,
    add_addressees,
    add_codes,
    count_codes,
    erase_people,
    erase_signed,
    listed_addressees,
)
from stats.issue.store import SCHEMA
from stats.issue.surveys import IssuedSurveys, add_survey
from stats.questionnaire.questionnaire import (
    Batching,
    Periods,
    PersonKind,
    Persons,
    PrivacyGoal,
    SurveyDraft,
    SurveyKey,
    Travel,
)
from stats.questionnaire.questions import SingleChoice
from tests.worlds.tokens import private_key

OPENS_S, CLOSES_S = 1_796_112_000, 1_796_112_000 + 3 * 86_400
BEFORE_S = OPENS_S - 3600.0
ISSUER = f"{ISSUER_ACCOUNT}@one"
PASSED_S = 30


def survey_draft(
    *,
    questions: int = 1,
    kind: PersonKind = PersonKind.CODES,
    travel: Travel = Travel.SEPARATE,
    periods: Periods | None = None,
    name: str = "tea",
) -> SurveyDraft:
    """Return a draft of a survey that opens at `OPENS_S`."""
    return SurveyDraft(
        name=name,
        version=1,
        title="Tea",
        consent="Your answers are randomised before they leave this machine.",
        opens=datetime.fromtimestamp(OPENS_S, UTC),
        closes=datetime.fromtimestamp(CLOSES_S, UTC),
        collector="two",
        persons=Persons(kind=kind, issuer="one", provider="two" if kind is PersonKind.ACCOUNT else ""),
        privacy=PrivacyGoal(eps="1"),
        batching=Batching(threshold=100, longest_wait_s=3600),
        travel=travel,
        periods=periods,
        questions=tuple(_question(f"q{number}", again=periods is not None) for number in range(questions)),
    )


def _question(name: str, *, again: bool) -> SingleChoice:
    return SingleChoice(name=name, text="Tea?", options=("yes", "no"), again=again)


class IssuerWorld:
    """An issuer with its files and its store; the program around it is left out."""

    def __init__(self, path: Path, database: str = "", *, draft: SurveyDraft | None = None) -> None:
        self.path = path
        self.rng = random.Random(1)
        self.now_s = BEFORE_S
        self._numbers = itertools.count()
        self.draft = draft or survey_draft()
        self.draft_id = self.draft.draft_id
        self.public = self.add(self.draft)
        self.url = database or sqlite_url(path / STORE_FILE)
        self.open()

    def add(self, draft: SurveyDraft, told: Callable[[int], object] = lambda _: None) -> list[SurveyKey]:
        """Add a survey."""
        return add_survey(self.path, draft, now_s=self.now_s, rng=self.rng, told=told, make_key=self._make_key)

    def _make_key(self) -> bytes:
        # Each test has the same keys, which are made once.
        return private_key(next(self._numbers))

    def open(self) -> None:
        """Start the issuer, perhaps once more."""
        self.store = Store(SCHEMA, self.url, exclusive=True)
        self.commits = SharedCommits(self.store)
        self.surveys = IssuedSurveys(self.path, rng=self.rng)
        self.refresh()
        self.issuing = SurveyIssuing(keys=self.surveys, commits=self.commits)

    def close(self) -> None:
        """Stop it."""
        self.store.close()

    def refresh(self) -> None:
        """Do what the program does every few seconds."""
        self.surveys.refresh(
            self.now_s,
            ended=lambda key_id: self.commits.write(lambda c: erase_signed(c, key_id)),
            closed=lambda draft_id: self.commits.write(lambda c: erase_people(c, draft_id)),
        )

    def key(self, number: int = 0) -> TokenKey:
        """Return a key of the survey, in the order of the file of keys."""
        return decode_token_key(self.public[number].key)

    def new_code(self) -> str:
        """Make a code."""
        code = draw_code(self.rng)
        self.store.write(lambda c: add_codes(c, self.draft_id, [hash_code(self.draft_id, code.encode())]))
        return code

    def ask(self, code: str, pending: PendingToken) -> bytes:
        """Ask for a token; return the blind signature, or raise the refusal."""
        return self.issuing.issue(encode_issue_request(pending.key, code.encode(), [pending.blinded]), self.now_s)

    def begin(self, number: int = 0) -> PendingToken:
        """Begin a token under a key of the survey."""
        return begin_token(self.key(number), self.rng)


class MailingWorld:
    """An issuer with a client, and people with accounts at two providers, on a clock."""

    def __init__(self, path: Path, kind: PersonKind) -> None:
        self.issuer = IssuerWorld(path, draft=survey_draft(kind=kind))
        self.clock = Clock()
        self.network = FakeNetwork(clock=self.clock, rng=random.Random(1))
        self.client = self.network.client(ISSUER)
        self.ann, self.bob = self.network.client("ann@two"), self.network.client("bob@three")
        access = inline_access(self.issuer.store)
        self.mailing = CodeMailing(self.client, surveys=self.issuer.surveys, access=access)
        self.client.on_received(ASK_KIND, self.mailing.answer)

    def list(self, *people: Addressee) -> None:
        self.issuer.store.write(lambda c: add_addressees(c, self.issuer.draft_id, people))

    def states(self) -> dict[str, AddresseeState]:
        return dict(self.issuer.store.read(lambda c: listed_addressees(c, self.issuer.draft_id)))

    def codes(self) -> int:
        return self.issuer.store.read(lambda c: count_codes(c, self.issuer.draft_id))

    def fingerprint(self, client: FakeClient) -> str:
        return self.network.fingerprint_of(client)

    def send(self) -> int:
        sent = wait_for(self.mailing.send_waiting(), self.clock)
        self.clock.pump([1.0] * PASSED_S)
        return sent

    def received(self, client: Client) -> list[SentCode]:
        messages = wait_for(client.inbox(), self.clock)
        assert all(message.sender == ISSUER for message in messages)
        return [decode_code(message.body) for message in messages if message.kind == CODE_KIND]

    def ask(self, client: Client, body: bytes | None = None, *, key: str = "1", anonymous: bool = False) -> None:
        wait_for(client.add_contact(ISSUER), self.clock)
        body = self.issuer.draft_id if body is None else body
        wait_for(client.send(ISSUER, body, kind=ASK_KIND, idempotency_key=key, anonymous=anonymous), self.clock)
        self.clock.pump([1.0] * PASSED_S)

    def counts(self, code: str) -> bool:
        pending = self.issuer.begin()
        return self.issuer.ask(code, pending) == self.issuer.ask(code, pending)

    def close(self) -> None:
        self.network.stop()
        self.issuer.close()


def write_draft(path: Path, draft: SurveyDraft) -> Path:
    """Write a draft into a file, as an author does: not in its canonical form."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(draft), indent=2))
    return path
