from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from twisted.python.failure import Failure

from client.api import ReceivedMessage
from client.core.content import Receipt, Sender, SignedMessage, encode_signed
from client.core.fragments import FragmentSizes, seal_fragments
from client.core.sealing import PlainSealer
from client.core.settings import ClientSettings
from client.feeds.failures import CallbackFailures
from client.receiving.arrivals import Arrivals, surroundings
from client.receiving.callbacks import Callbacks
from client.receiving.impostors import Impostors
from client.receiving.inbox import Inbox
from client.receiving.offering import Offering
from client.receiving.receiver import Receiver
from client.receiving.room import InboxRoom
from client.receiving.shelf import StoredMessages
from client.store import incoming
from loopixmix.errors import StoreError
from loopixmix.keys import IdentityKey
from tests.worlds.clients.parts import BOB, Parts, fragments_in, outcome

RECEIPTS = ClientSettings(receipts=True)


class Receiving:
    """Alice's inbox, into which a test puts fragments."""

    def __init__(self, settings: ClientSettings = RECEIPTS) -> None:
        self.parts = Parts(settings=settings)
        self.parts.go_online()
        self.parts.befriend_bob()
        clock = self.parts.clock
        offering = Offering(StoredMessages(self.parts.access, self.parts.news, clock=clock), clock=clock)
        self.impostors = Impostors()
        self.room = InboxRoom(most_bytes=self.parts.writer.settings.keep_received_bytes)
        self.callbacks = Callbacks(offering, clock=clock, failures=CallbackFailures())
        self.inbox = Inbox(
            receiver=Receiver(Arrivals(self.parts.poster, self.parts.writer), self.parts.writer),
            access=self.parts.access,
            outbox=self.parts.outbox,
            offering=offering,
            news=self.parts.news,
            impostors=self.impostors,
            room=self.room,
        )

    def fragments(self, content: SignedMessage | Receipt, signer: IdentityKey) -> list[bytes]:
        keys = self.parts.keys
        return list(
            seal_fragments(
                encode_signed(content, signer, recipient=keys.identity_key.public),
                recipient=keys.identity_key.public,
                recipient_key=keys.sealing.public,
                message_key=self.parts.rng.randbytes(32),
                sealer=PlainSealer(self.parts.bob.sealing.public, rng=self.parts.rng),
                sizes=FragmentSizes(2048),
            )
        )

    def sender(self, identity_key: IdentityKey) -> Sender:
        return Sender(identity_key.public, "bob", self.parts.model.node("provider2").id)

    def message(self, body: bytes = b"hello", signer: IdentityKey | None = None) -> list[bytes]:
        signer = signer or self.parts.bob.identity_key
        content = SignedMessage(self.parts.rng.randbytes(16), "text", body, self.sender(signer))
        return self.fragments(content, signer)

    def receive(self, fragments: list[bytes]) -> object:
        around = surroundings(self.parts.session)
        assert around is not None
        return outcome(self.inbox.receive(fragments, [], around))

    def messages(self) -> list[ReceivedMessage]:
        return self.parts.store.write(lambda c: incoming.received_after(c, after=0, limit=10))


@pytest.fixture
def receiving() -> Iterator[Receiving]:
    made = Receiving()
    yield made
    made.callbacks.stop()
    made.parts.close()


def test_what_comes_is_stored_told_and_handed_over(receiving: Receiving) -> None:
    handled: list[bytes] = []
    receiving.callbacks.subscribe("text", lambda message: handled.append(message.body))
    receiving.parts.clock.advance(0)
    assert receiving.receive(receiving.message()) is None
    assert handled == [b"hello"]
    assert receiving.parts.told >= 1


def test_a_part_of_a_message_is_no_news(receiving: Receiving) -> None:
    fragments = receiving.message(bytes(4000))
    receiving.receive(fragments[:1])
    assert (receiving.parts.told, receiving.messages()) == (0, [])
    receiving.receive(fragments[1:])
    assert [message.body for message in receiving.messages()] == [bytes(4000)]


def test_a_receipt_for_a_contact_is_on_its_way(receiving: Receiving) -> None:
    receiving.receive(receiving.message())
    assert receiving.parts.outbox.queued_messages == 1


def test_a_receipt_that_came_ends_the_message_and_is_written_down(receiving: Receiving) -> None:
    message_id = receiving.parts.dispatch(b"did you get it?")
    bob = receiving.parts.bob.identity_key
    receipt = Receipt(bytes(16), bytes.fromhex(message_id), receiving.sender(bob))
    receiving.receive(receiving.fragments(receipt, bob))
    assert receiving.parts.outbox.queued_messages == 0
    assert fragments_in(receiving.parts.store) == []


def test_an_impostor_is_a_problem_that_is_told(receiving: Receiving) -> None:
    receiving.receive(receiving.message(signer=IdentityKey.generate(receiving.parts.rng)))
    problem = receiving.impostors.problem
    assert problem is not None
    assert f"a message claims to be from {BOB}, but another key signed it" in problem


def test_it_is_not_done_before_what_answers_changed_is_on_the_disk(receiving: Receiving) -> None:
    receiving.parts.dispatch(b"x")
    row = receiving.parts.store.write(lambda c: c.exec_driver_sql("SELECT id FROM messages").scalar_one())
    receiving.parts.ledger.done(row, 0)
    receiving.parts.store.failing = True
    failure = receiving.receive([])
    assert isinstance(failure, Failure)
    assert failure.check(StoreError)
    receiving.parts.store.failing = False
    assert receiving.receive([]) is None
    assert fragments_in(receiving.parts.store) == []


def test_what_is_too_old_is_forgotten(receiving: Receiving) -> None:
    receiving.receive(receiving.message(bytes(4000))[:1])
    kept = "SELECT count(*) FROM incoming"
    assert receiving.parts.store.write(lambda c: c.exec_driver_sql(kept).scalar_one()) == 1
    around = surroundings(receiving.parts.session)
    assert around is not None
    later_s = around.now_s + 40 * 86_400
    receiving.inbox.tidy(msgspec.structs.replace(around, now_s=later_s))
    # By this machine's clock alone: the network has another time.
    assert receiving.parts.store.write(lambda c: c.exec_driver_sql(kept).scalar_one()) == 1
    document = msgspec.structs.replace(around.document, valid_until_s=int(later_s) + 1)
    receiving.inbox.tidy(msgspec.structs.replace(around, now_s=later_s, document=document))
    assert receiving.parts.store.write(lambda c: c.exec_driver_sql(kept).scalar_one()) == 0


def test_unread_messages_fill_the_room_and_reading_or_deleting_makes_some() -> None:
    receiving = Receiving(ClientSettings(keep_received_bytes=2**20))
    for _ in range(4):
        receiving.receive(receiving.message(bytes(400_000)))
        if receiving.room.is_full:
            break
    assert len(receiving.messages()) == 3
    assert receiving.room.problem is not None
    assert "unread messages take 1 MiB, as much as client.keep_received_bytes allows" in receiving.room.problem
    told, around = receiving.parts.told, surroundings(receiving.parts.session)
    assert around is not None
    receiving.inbox.tidy(around)
    assert receiving.room.is_full
    receiving.inbox.look_for_room()
    assert receiving.room.is_full
    receiving.parts.store.write(lambda c: incoming.mark_read(c, after=0, last=1))
    receiving.inbox.look_for_room()
    assert not receiving.room.is_full
    assert receiving.room.problem is None
    assert receiving.parts.told > told
    receiving.callbacks.stop()
    receiving.parts.close()


def test_messages_that_are_read_as_they_come_never_fill_the_room() -> None:
    receiving = Receiving(ClientSettings(keep_received_bytes=2**20))
    receiving.callbacks.subscribe("text", lambda message: None)
    receiving.parts.clock.advance(0)
    for _ in range(6):
        receiving.receive(receiving.message(bytes(400_000)))
        assert not receiving.room.is_full
    receiving.callbacks.stop()
    receiving.parts.close()
