from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from client.testing import FakeClient, wait_for
from loopixmix.errors import MisuseError, UnavailableError
from stats.answer.surveys import JoinedSurvey
from stats.cli.respondent.codes import ObtainedCode, obtain_code
from stats.issue.codes import LETTERS
from stats.issue.letters import ASK_KIND, CODE_KIND, SentCode, encode_code
from stats.questionnaire.questionnaire import PersonKind
from tests.worlds.stats.respondents import RespondentWorld, new_questionnaire


class Named:
    """Somebody with an address, beside an issuer with its account."""

    def __init__(self, path: Path, kind: PersonKind) -> None:
        self.world = RespondentWorld(path, new_questionnaire(kind=kind))
        self.survey: JoinedSurvey = self.world.person("guest").join()
        self.draft_id = self.survey.questionnaire.draft.draft_id
        self.ada = self.world.client("ada")
        self.issuer = self.world.network.client("stats-issuer@provider-3")
        self.asked: list[bytes] = []
        self.issuer.on_received(ASK_KIND, lambda message: self.asked.append(message.body))

    def send(self, sender: FakeClient, code: str, *, draft_id: bytes = b"") -> None:
        wait_for(sender.add_contact("ada@provider-1"), self.world.clock)
        body = encode_code(SentCode(draft_id or self.draft_id, code))
        key = f"{code}-{draft_id.hex()[:8]}"
        wait_for(sender.send("ada@provider-1", body, kind=CODE_KIND, idempotency_key=key), self.world.clock)
        self.world.clock.advance(10)

    def code(self, patience_s: float = 60.0) -> str:
        return self.obtained(patience_s).code

    def obtained(self, patience_s: float = 60.0) -> ObtainedCode:
        clock = self.world.clock

        def pause(seconds: float) -> Deferred[None]:
            return deferLater(clock, seconds, lambda: None)  # type: ignore[arg-type]

        return wait_for(obtain_code(self.ada, self.survey, pause, patience_s=patience_s), clock, within_s=1_000)


@pytest.fixture
def named(tmp_path: Path) -> Iterator[Named]:
    made = Named(tmp_path, PersonKind.CONTACTS)
    yield made
    made.world.close()


def letters(count: int) -> str:
    """Return one of several codes."""
    return "abcdefghijklmnopqrstuvwxyz234567"[count : count + LETTERS]


def test_a_code_that_came_is_found(named: Named) -> None:
    named.send(named.issuer, letters(0), draft_id=bytes(32))
    named.send(named.issuer, letters(1))
    named.send(named.world.client("eve"), letters(2))
    assert named.code() == letters(1)
    assert named.asked == []


def test_a_contact_of_the_issuer_goes_before_somebody_who_claims_to_be_it(named: Named) -> None:
    wait_for(named.ada.add_contact("stats-issuer@provider-3"), named.world.clock)
    named.send(named.issuer, letters(1))
    assert named.code() == letters(1)


def test_it_is_told_whether_the_key_of_the_issuer_is_compared_pinned_or_unknown(named: Named) -> None:
    named.send(named.issuer, letters(1))
    unknown = named.obtained()
    contact = wait_for(named.ada.add_contact("stats-issuer@provider-3"), named.world.clock)
    named.send(named.issuer, letters(2))
    named.world.clock.advance(60)
    pinned = named.obtained()
    wait_for(named.ada.accept_key(contact.address, contact.fingerprint), named.world.clock)
    named.send(named.issuer, letters(3))
    named.world.clock.advance(60)
    compared = named.obtained()
    assert [one.code for one in (unknown, pinned, compared)] == [letters(1), letters(2), letters(3)]
    assert [one.words.partition("stats-issuer@provider-3")[2] for one in (unknown, pinned, compared)] == [
        ", whose key is not known here",
        ", whose key is pinned, but not compared",
        ", whose key was compared",
    ]


def test_accounts_ask_for_their_code(tmp_path: Path) -> None:
    named = Named(tmp_path, PersonKind.ACCOUNT)
    with pytest.raises(UnavailableError, match="no code of stats-issuer@provider-3 came"):
        named.code(patience_s=20)
    assert named.asked == [named.draft_id]
    named.send(named.issuer, letters(3))
    assert named.code() == letters(3)
    # It was asked for once.
    assert named.asked == [named.draft_id]
    named.world.close()


def test_codes_of_a_list_do_not_come_over_the_network(tmp_path: Path) -> None:
    named = Named(tmp_path, PersonKind.CODES)
    with pytest.raises(MisuseError, match="come with the invitations"):
        named.code()
    named.world.close()
