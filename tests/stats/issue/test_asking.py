"""Who has an account asks for a code, and finds it; who is on a list finds it without asking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from twisted.internet.task import deferLater

from client.api import MessageId, ReceivedMessage, Verified
from client.testing import FakeClient, wait_for
from loopixmix.errors import UnavailableError
from stats.issue.asking import code_in, receive_code
from stats.issue.letters import CODE_KIND, SentCode, encode_code
from stats.issue.people import Addressee
from stats.questionnaire.questionnaire import PersonKind
from tests.worlds.stats.issuers import ISSUER, MailingWorld

FALSE_CODE = "a" * 24


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[MailingWorld]:
    made = MailingWorld(tmp_path, PersonKind.ACCOUNT)
    yield made
    made.close()


def receive(world: MailingWorld, client: FakeClient, *, within_s: float = 60.0) -> str:
    clock = world.clock

    def pause(seconds: float) -> object:
        return deferLater(clock, seconds, lambda: None)

    receiving = receive_code(client, world.issuer.draft, clock=clock, pause=pause, within_s=within_s)  # type: ignore[arg-type]
    return wait_for(receiving, clock)


def test_the_code_of_an_account_is_asked_for_once_and_counts(accounts: MailingWorld) -> None:
    code = receive(accounts, accounts.ann)
    assert accounts.counts(code)
    # Another time it is found among the messages.
    assert receive(accounts, accounts.ann) == code
    assert accounts.codes() == 1


def test_who_may_have_none_waits_in_vain(accounts: MailingWorld) -> None:
    with pytest.raises(UnavailableError, match="no code has come from stats-issuer@one yet"):
        receive(accounts, accounts.bob)


def test_a_code_from_somebody_else_or_for_another_survey_is_none(accounts: MailingWorld) -> None:
    wrong = ((accounts.ann, accounts.issuer.draft_id), (accounts.client, bytes(32)))
    for number, (sender, draft_id) in enumerate(wrong):
        wait_for(sender.add_contact("bob@three"), accounts.clock)
        body = encode_code(SentCode(draft_id, FALSE_CODE))
        wait_for(sender.send("bob@three", body, kind=CODE_KIND, idempotency_key=f"{number}"), accounts.clock)
    with pytest.raises(UnavailableError):
        receive(accounts, accounts.bob)


def test_who_claims_the_address_of_the_issuer_needs_its_key(accounts: MailingWorld) -> None:
    issuer = wait_for(accounts.ann.add_contact(ISSUER), accounts.clock)
    draft_id = accounts.issuer.draft_id
    sent = ReceivedMessage(
        number=1,
        message_id=MessageId("1"),
        sender=ISSUER,
        verified=Verified.UNKNOWN,
        kind=CODE_KIND,
        body=encode_code(SentCode(draft_id, FALSE_CODE)),
        received_at_s=1.0,
        fingerprint=accounts.fingerprint(accounts.bob),
    )
    assert code_in(sent, issuer, draft_id) == ""
    true = msgspec.structs.replace(sent, fingerprint=issuer.fingerprint)
    assert code_in(true, issuer, draft_id) == FALSE_CODE
    assert code_in(true, issuer, bytes(32)) == ""
    assert code_in(msgspec.structs.replace(true, body=b""), issuer, draft_id) == ""
    assert code_in(msgspec.structs.replace(true, kind="text"), issuer, draft_id) == ""


def test_who_is_on_a_list_finds_the_code_that_was_sent(tmp_path: Path) -> None:
    world = MailingWorld(tmp_path, PersonKind.CONTACTS)
    world.list(Addressee("ann@two", world.fingerprint(world.ann)))
    world.send()
    assert world.counts(receive(world, world.ann))
    world.close()
