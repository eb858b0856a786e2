"""Codes that are sent: to the addresses of a list, and to accounts that ask."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from client.api import Client, ReceivedMessage, Verified
from client.testing import FakeClient, FakeNetwork, wait_for
from loopixmix.store.access import inline_access
from stats.issue.letters import ASK_KIND, CODE_KIND, ISSUER_ACCOUNT, SentCode, decode_code
from stats.issue.mailing import CodeMailing
from stats.issue.people import Addressee, AddresseeState, add_addressees, count_codes, listed_addressees
from stats.questionnaire.questionnaire import PersonKind
from tests.worlds.stats.issuers import IssuerWorld, survey_draft

ISSUER = f"{ISSUER_ACCOUNT}@one"
PASSED_S = 30


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


@pytest.fixture
def contacts(tmp_path: Path) -> Iterator[MailingWorld]:
    made = MailingWorld(tmp_path, PersonKind.CONTACTS)
    yield made
    made.close()


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[MailingWorld]:
    made = MailingWorld(tmp_path, PersonKind.ACCOUNT)
    yield made
    made.close()


def test_each_address_of_a_list_is_sent_its_code_once(contacts: MailingWorld) -> None:
    people = [Addressee("ann@two", contacts.fingerprint(contacts.ann))]
    people += [Addressee("bob@three", contacts.fingerprint(contacts.bob).upper())]
    contacts.list(*people)
    assert contacts.send() == 2
    assert contacts.send() == 0
    [anns], [bobs] = contacts.received(contacts.ann), contacts.received(contacts.bob)
    assert anns.draft_id == bobs.draft_id == contacts.issuer.draft_id
    assert anns.code != bobs.code
    assert contacts.counts(anns.code)
    assert contacts.counts(bobs.code)
    # Listed again, for example with further ones: nothing is sent again.
    contacts.list(*people)
    assert contacts.send() == 0
    assert contacts.states() == dict.fromkeys(("ann@two", "bob@three"), AddresseeState.SENT)


def test_an_address_with_another_key_than_the_list_says_gets_no_code(contacts: MailingWorld) -> None:
    contacts.list(
        Addressee("ann@two", contacts.fingerprint(contacts.bob)),
        Addressee("carol@nowhere", contacts.fingerprint(contacts.bob)),
    )
    assert contacts.send() == 2
    assert contacts.received(contacts.ann) == []
    assert contacts.codes() == 0
    assert contacts.states() == {"ann@two": AddresseeState.OTHER_KEY, "carol@nowhere": AddresseeState.UNKNOWN}


def test_a_crash_after_the_sending_makes_no_second_code(contacts: MailingWorld) -> None:
    contacts.list(Addressee("ann@two", contacts.fingerprint(contacts.ann)))
    contacts.send()
    # As if the state had not been written down.
    contacts.issuer.store.write(lambda c: c.exec_driver_sql("UPDATE addressees SET state = 'waiting'"))
    assert contacts.send() == 1
    assert len(contacts.received(contacts.ann)) == 1
    assert contacts.codes() == 1


def test_who_has_an_account_asks_and_gets_one_code(accounts: MailingWorld) -> None:
    for key in ("1", "2"):
        accounts.ask(accounts.ann, key=key)
    [sent] = accounts.received(accounts.ann)
    assert accounts.counts(sent.code)
    assert accounts.codes() == 1


def test_nobody_else_gets_one(accounts: MailingWorld) -> None:
    accounts.ask(accounts.bob)  # of another provider
    accounts.ask(accounts.ann, anonymous=True)  # guests have no address
    accounts.ask(accounts.ann, b"d" * 32, key="2")  # no such survey
    accounts.ask(accounts.ann, b"draft", key="3")
    assert accounts.codes() == 0
    assert accounts.received(accounts.ann) == accounts.received(accounts.bob) == []


def test_who_asks_must_have_the_key_of_the_address(accounts: MailingWorld) -> None:
    def claim(fingerprint: str) -> None:
        message = ReceivedMessage(
            number=1,
            message_id="1",
            sender="ann@two",
            verified=Verified.UNKNOWN,
            kind=ASK_KIND,
            body=accounts.issuer.draft_id,
            received_at_s=1.0,
            fingerprint=fingerprint,
        )
        wait_for(accounts.mailing.answer(message), accounts.clock)

    claim(accounts.fingerprint(accounts.bob))
    assert accounts.codes() == 0
    claim(accounts.fingerprint(accounts.ann))
    assert accounts.codes() == 1


def test_in_a_survey_by_codes_nobody_gets_one_by_asking(tmp_path: Path) -> None:
    world = MailingWorld(tmp_path, PersonKind.CODES)
    world.ask(world.ann)
    assert world.codes() == 0
    world.close()
