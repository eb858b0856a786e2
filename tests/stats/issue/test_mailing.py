"""Codes that are sent: to the addresses of a list, and to accounts that ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from client.api import ReceivedMessage, Verified
from client.testing import wait_for
from stats.issue.letters import ASK_KIND
from stats.issue.people import Addressee, AddresseeState
from stats.questionnaire.questionnaire import PersonKind
from tests.worlds.stats.issuers import MailingWorld


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
