"""Complete messages: who sent them, and what becomes of them. Without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from client.api import MessageState, ReceivedMessage, Verified
from client.core.content import (
    AnonymousMessage,
    Receipt,
    ReplyBlock,
    Sender,
    SignedMessage,
    encode_anonymous,
    encode_signed,
)
from client.core.settings import ClientSettings
from client.receiving.arrivals import Arrivals, BatchOutcome, Surroundings, surroundings
from client.store import incoming, outgoing
from client.store.outgoing import RECEIPT
from loopixmix.cards import fingerprint
from loopixmix.directory.document import MAX_VALID_EPOCHS
from loopixmix.keys import IdentityKey
from tests.worlds.clients.parts import BOB, Parts

T = TypeVar("T")


class Arriving:
    """Alice's store, into which messages of Bob and others come."""

    def __init__(self, *, receipts: bool = False) -> None:
        self.parts = Parts(settings=ClientSettings(receipts=receipts))
        self.parts.go_online()
        self.parts.befriend_bob()
        self.arrivals = Arrivals(self.parts.poster, self.parts.writer)

    @property
    def around(self) -> Surroundings:
        found = surroundings(self.parts.session)
        assert found is not None
        return found

    def arrive(self, stream: bytes) -> BatchOutcome:
        outcome = BatchOutcome()
        self.parts.store.write(lambda c: self.arrivals.take(c, stream, self.around, outcome))
        return outcome

    def signed(self, signer: IdentityKey, *, name: str = "bob", number: int = 1) -> bytes:
        sender = Sender(signer.public, name, self.parts.model.node("provider2").id)
        message = SignedMessage(bytes([number]) * 16, "text", b"hello", sender)
        return encode_signed(message, signer, recipient=self.parts.keys.identity_key.public)

    def anonymous(self, *blocks: ReplyBlock) -> bytes:
        return encode_anonymous(AnonymousMessage(bytes(16), "quiz", b"who am I?", bytes(32), blocks))

    def block(self, *, epochs_later: int = 0) -> ReplyBlock:
        maker = self.parts.session.maker()
        assert maker is not None
        epoch = maker.epoch(self.parts.now_s)
        made = maker.reply_block(self.parts.account.provider, epoch=epoch, now_s=self.parts.now_s)
        return ReplyBlock(epoch + epochs_later, made.surb.encode())

    def inbox(self) -> list[ReceivedMessage]:
        return self.read(lambda c: incoming.received_after(c, after=0, limit=10))

    def read(self, work: Callable[[Connection], T]) -> T:
        return self.parts.store.write(work)


@pytest.fixture
def arriving() -> Iterator[Arriving]:
    made = Arriving()
    yield made
    made.parts.close()


def test_a_contact_is_shown_by_address_and_its_key_is_pinned(arriving: Arriving) -> None:
    outcome = arriving.arrive(arriving.signed(arriving.parts.bob.identity_key))
    assert outcome.kinds == {"text"}
    [message] = arriving.inbox()
    assert (message.sender, message.verified, message.body) == (BOB, Verified.PINNED, b"hello")


def test_the_same_message_again_changes_nothing(arriving: Arriving) -> None:
    stream = arriving.signed(arriving.parts.bob.identity_key)
    arriving.arrive(stream)
    assert arriving.arrive(stream).kinds == set()
    assert len(arriving.inbox()) == 1


def test_an_impostor_is_shown_by_its_key_and_reported(arriving: Arriving) -> None:
    eve = IdentityKey.generate(arriving.parts.rng)
    outcome = arriving.arrive(arriving.signed(eve))
    assert outcome.impostors == [BOB]
    [message] = arriving.inbox()
    assert (message.sender, message.verified) == (f"key:{fingerprint(eve.public)}", Verified.UNKNOWN)


def test_a_stranger_is_shown_by_address_and_its_key_is_unknown(arriving: Arriving) -> None:
    arriving.arrive(arriving.signed(IdentityKey.generate(arriving.parts.rng), name="carol"))
    [message] = arriving.inbox()
    assert (message.sender, message.verified) == ("carol@provider2", Verified.UNKNOWN)


@pytest.mark.parametrize("stream", [b"", b"\x07 of no type", b"\x01" + bytes(80)])
def test_what_is_no_message_is_refused(arriving: Arriving, stream: bytes) -> None:
    assert arriving.arrive(stream).refused == 1
    assert arriving.inbox() == []


def test_a_receipt_is_stored_for_a_contact_only_and_only_if_the_user_wants_it() -> None:
    for wanted in (False, True):
        arriving = Arriving(receipts=wanted)
        outcome = arriving.arrive(arriving.signed(arriving.parts.bob.identity_key))
        assert [receipt.form for receipt in outcome.receipts] == [RECEIPT] * wanted
        stranger = IdentityKey.generate(arriving.parts.rng)
        assert arriving.arrive(arriving.signed(stranger, name="carol", number=2)).receipts == []
        arriving.parts.close()


def test_a_receipt_counts_if_the_recipient_signed_it(arriving: Arriving) -> None:
    posted = arriving.parts.post(b"did you get it?")
    assert posted.new is not None
    bob, eve = arriving.parts.bob.identity_key, IdentityKey.generate(arriving.parts.rng)

    def receipt(signer: IdentityKey) -> bytes:
        sender = Sender(signer.public, "bob", arriving.parts.model.node("provider2").id)
        received = Receipt(bytes(16), bytes.fromhex(posted.message_id), sender)
        return encode_signed(received, signer, recipient=arriving.parts.keys.identity_key.public)

    assert arriving.arrive(receipt(eve)).received == []
    assert arriving.arrive(receipt(bob)).received == [posted.new.row]
    assert arriving.inbox() == []


def test_a_receipt_for_a_finished_message_changes_its_state_in_the_store(arriving: Arriving) -> None:
    message_id = arriving.parts.dispatch(b"x")
    arriving.parts.send_next()
    arriving.parts.clock.advance(arriving.parts.settings.give_up_s)
    arriving.parts.renew_document()
    arriving.parts.outbox.give_up()
    arriving.parts.ledger.flush_soon()
    sender = Sender(arriving.parts.bob.identity_key.public, "bob", arriving.parts.model.node("provider2").id)
    stream = encode_signed(
        Receipt(bytes(16), bytes.fromhex(message_id), sender),
        arriving.parts.bob.identity_key,
        recipient=arriving.parts.keys.identity_key.public,
    )
    late = Surroundings(arriving.parts.now_s, arriving.parts.account, arriving.parts.document, sphinx_of(arriving))
    outcome = BatchOutcome()
    arriving.parts.store.write(lambda c: arriving.arrivals.take(c, stream, late, outcome))
    found = arriving.read(lambda c: outgoing.outgoing_message(c, message_id))
    assert found is not None
    assert [change.state for change in found[1].history][-2:] == [MessageState.FAILED, MessageState.RECEIVED]


def sphinx_of(arriving: Arriving) -> object:
    packet_format = arriving.parts.known.packet_format
    assert packet_format is not None
    return packet_format.sphinx


def test_an_anonymous_message_brings_a_way_to_reply(arriving: Arriving) -> None:
    outcome = arriving.arrive(arriving.anonymous(arriving.block(), arriving.block()))
    assert outcome.kinds == {"quiz"}
    [message] = arriving.inbox()
    assert (message.sender, message.verified) == (None, Verified.UNKNOWN)
    posted = arriving.parts.post(b"Alice", to=message.reply_to, key="answer")
    assert posted.new is not None
    assert posted.new.fragments == 1


def test_an_anonymous_message_without_blocks_cannot_be_answered(arriving: Arriving) -> None:
    arriving.arrive(arriving.anonymous())
    [message] = arriving.inbox()
    assert message.reply_to == ""


def test_blocks_that_nobody_can_use_are_refused(arriving: Arriving) -> None:
    whole = arriving.block()
    cut = ReplyBlock(whole.epoch, whole.surb[:-1])
    far = arriving.block(epochs_later=MAX_VALID_EPOCHS + 1)
    for block in (cut, far):
        assert arriving.arrive(arriving.anonymous(whole, block)).refused == 1
    assert arriving.inbox() == []


def test_there_are_no_surroundings_without_an_account() -> None:
    parts = Parts()
    parts.session.adopt(parts.document)
    assert surroundings(parts.session) is None
    parts.close()
