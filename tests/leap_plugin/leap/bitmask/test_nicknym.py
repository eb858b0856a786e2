"""Keys are looked up at the gateway of their domain, through the network, and nowhere else."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Iterator
from pathlib import Path

import pytest

from client.api import ReceivedMessage
from client.testing import wait_for
from leap_plugin.leap.bitmask.nicknym import KEEP_NOTHING_S, KEEP_S, PATIENCE_S, KeyLookups, NoAnswerError
from leap_plugin.leap.bitmask.reach import ReachableAddresses
from leap_plugin.leap.gateway.answering import BURST, KeyAnswers
from leap_plugin.leap.gateway.arriving import READER
from leap_plugin.leap.openpgp.asking import ANSWER_KIND, ASK_KIND, decode_question, encode_answer
from leap_plugin.leap.openpgp.certificates import Certificate
from tests.worlds.leap import KeyPair, LeapTown


class Asker:
    """Somebody who looks up keys."""

    def __init__(self, town: LeapTown, directory: Path) -> None:
        self.town = town
        reachable = ReachableAddresses(
            town.sender, file=directory / "reach.json", clock=town.clock, rng=random.Random(1)
        )
        wait_for(reachable.look(), town.clock)
        self.lookups = KeyLookups(town.sender, reachable, clock=town.clock, rng=random.Random(11))
        self.lookups.start()

    def ask(self, address: str) -> Certificate | None:
        return wait_for(self.lookups.look_up(address), self.town.clock)


@pytest.fixture
def town() -> Iterator[LeapTown]:
    made = LeapTown()
    yield made
    made.stop()
    assert not made.clock.getDelayedCalls()


@pytest.fixture
def asker(town: LeapTown, tmp_path: Path) -> Iterator[Asker]:
    made = Asker(town, tmp_path)
    yield made
    made.lookups.stop()


def answer_at(town: LeapTown) -> None:
    answers = KeyAnswers(town.gateway, town.access, clock=town.clock)
    town.gateway.on_received(ASK_KIND, answers.take, reader=READER)


def received(town: LeapTown) -> int:
    return len(wait_for(town.gateway.inbox(), town.clock)) + len(wait_for(town.sender.inbox(), town.clock))


def test_a_key_is_told_by_the_gateway_to_somebody_it_does_not_know(town: LeapTown, asker: Asker) -> None:
    bob = town.add_user("bob")
    seen: list[ReceivedMessage] = []
    town.gateway.on_received(ASK_KIND, seen.append, reader="watching")
    answer_at(town)
    found = asker.ask("Bob@leap.example")
    assert found is not None
    assert found.armored == town.keys[bob].armored
    assert [message.sender for message in seen] == [None]
    # Nothing of it stays with either.
    assert received(town) == 0


@pytest.mark.parametrize("address", ["nobody@leap.example", "keyless@leap.example"])
def test_an_address_without_a_key_is_asked_for_all_the_same(town: LeapTown, asker: Asker, address: str) -> None:
    town.add_user("keyless", with_key=False)
    seen: list[ReceivedMessage] = []
    town.gateway.on_received(ASK_KIND, seen.append, reader="watching")
    answer_at(town)
    assert asker.ask(address) is None
    assert len(seen) == 1


@pytest.mark.parametrize(
    "address", ["bob@elsewhere.example", "bob@provider-2.mix.invalid", "nothing", "", "a b@leap.example"]
)
def test_nobody_is_asked_for_other_addresses(town: LeapTown, asker: Asker, address: str) -> None:
    seen: list[ReceivedMessage] = []
    town.gateway.on_received(ASK_KIND, seen.append, reader="watching")
    assert asker.ask(address) is None
    town.clock.advance(10)
    assert seen == []


def test_an_answer_is_kept_for_a_while(town: LeapTown, asker: Asker) -> None:
    town.add_user("bob")
    seen: list[ReceivedMessage] = []
    town.gateway.on_received(ASK_KIND, seen.append, reader="watching")
    answer_at(town)
    asker.ask("bob@leap.example")
    asker.ask("bob@leap.example")
    asker.ask("nobody@leap.example")
    asker.ask("nobody@leap.example")
    assert len(seen) == 2
    town.clock.advance(KEEP_NOTHING_S + 1)
    asker.ask("nobody@leap.example")
    asker.ask("bob@leap.example")
    assert len(seen) == 3
    town.clock.advance(KEEP_S)
    asker.ask("bob@leap.example")
    assert len(seen) == 4


def test_a_gateway_that_does_not_answer_is_told_of_after_a_minute(town: LeapTown, asker: Asker) -> None:
    town.add_user("bob")
    began_s = town.now_s
    with pytest.raises(NoAnswerError):
        asker.ask("bob@leap.example")
    assert town.now_s - began_s <= PATIENCE_S + 10


def test_only_the_gateway_that_was_asked_can_answer(town: LeapTown, asker: Asker) -> None:
    mallory = town.network.client("mallory@provider-2")
    # Even a contact, whose key is known.
    wait_for(town.sender.add_contact("mallory@provider-2"), town.clock)
    forged = bytes(KeyPair("bob@leap.example").certificate)
    asked: list[ReceivedMessage] = []
    town.gateway.on_received(ASK_KIND, asked.append, reader="watching")

    async def look_up() -> Certificate | None:
        return await asker.lookups.look_up("bob@leap.example")

    looking: Awaitable[Certificate | None] = look_up()

    def forge() -> None:
        # Even somebody who has learned the id of the question, and writes to its author by name.
        lookup_id = decode_question(asked[0].body).lookup_id
        wait_for(mallory.add_contact("alice@provider-2"), town.clock)
        answer = encode_answer(lookup_id, forged)
        wait_for(mallory.send("alice@provider-2", answer, kind=ANSWER_KIND, idempotency_key="forged"), town.clock)

    town.clock.callLater(5, forge)
    with pytest.raises(NoAnswerError):
        wait_for(looking, town.clock)


@pytest.mark.parametrize("certificate", [b"no certificate", bytes(KeyPair("eve@leap.example").certificate)])
def test_a_key_that_does_not_fit_is_no_key(town: LeapTown, asker: Asker, certificate: bytes) -> None:
    async def answer(message: ReceivedMessage) -> None:
        told = encode_answer(decode_question(message.body).lookup_id, certificate)
        await town.gateway.send(message.reply_to, told, kind=ANSWER_KIND, idempotency_key="1")

    town.gateway.on_received(ASK_KIND, answer, reader="answering")
    assert asker.ask("bob@leap.example") is None


def test_answers_that_nobody_waits_for_are_forgotten(town: LeapTown, asker: Asker) -> None:
    wait_for(town.gateway.add_contact("alice@provider-2"), town.clock)
    for number, body in enumerate((b"", encode_answer(bytes(16), b""))):
        wait_for(town.gateway.send("alice@provider-2", body, kind=ANSWER_KIND, idempotency_key=str(number)), town.clock)
    for _ in range(10):
        town.clock.advance(1)
    assert received(town) == 0


def test_a_gateway_that_is_asked_too_often_does_not_answer(town: LeapTown) -> None:
    town.add_user("bob")
    answers = KeyAnswers(town.gateway, town.access, clock=town.clock)
    town.gateway.on_received(ASK_KIND, answers.take, reader=READER)
    wait_for(town.sender.add_contact(town.GATEWAY), town.clock)
    from leap_plugin.leap.openpgp.asking import encode_question

    for number in range(int(BURST) + 50):
        question = encode_question(number.to_bytes(16, "big"), "bob@leap.example")
        wait_for(
            town.sender.send(town.GATEWAY, question, kind=ASK_KIND, idempotency_key=str(number), anonymous=True),
            town.clock,
        )
    for _ in range(10):
        town.clock.advance(1)
    told = wait_for(town.sender.inbox(limit=1000), town.clock)
    assert BURST <= len(told) < BURST + 50
    assert wait_for(town.gateway.inbox(limit=1000), town.clock) == []
