"""Messages that are sealed when they leave: to the key of that moment, or not at all."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from client.api import Letter, MessageState
from client.core.sealing import NotForUsError, PlainSealer, message_info
from client.core.settings import ClientSettings
from client.sending.flow import ABSENT_S
from client.sending.outbox import SEALED_AHEAD
from client.store import contacts, outgoing
from client.store.contacts import PinnedContact
from loopixmix.cards import SealingKey, encode_card, make_card
from loopixmix.keys import IdentityKey
from tests.worlds.clients.parts import BOB, Parts, fragments_in


@pytest.fixture
def parts() -> Iterator[Parts]:
    made = Parts(settings=ClientSettings(max_queued_messages=1000))
    made.go_online()
    made.befriend_bob()
    yield made
    made.close()


def bulk(parts: Parts, count: int) -> list[str]:
    """Queue several messages in one call."""
    letters = [Letter(to=BOB, kind="text", body=b"%d" % n, idempotency_key=f"bulk {n}") for n in range(count)]
    member = parts.session.registered()
    posted = parts.store.write(lambda c: parts.poster.post_many(c, letters, member, now_s=parts.now_s))
    for each in posted:
        assert each.new is not None
        parts.outbox.add(each.new)
    parts.outbox.release()
    return [each.message_id for each in posted]


def change_bob(parts: Parts, **changed: object) -> None:
    def change(connection: object) -> None:
        bob = contacts.find(connection, BOB)  # type: ignore[arg-type]
        assert bob is not None
        contacts.save(connection, msgspec.structs.replace(bob, **changed))  # type: ignore[arg-type]

    parts.store.write(change)


def bob_of(parts: Parts) -> PinnedContact:
    bob = parts.store.write(lambda c: contacts.find(c, BOB))
    assert bob is not None
    return bob


def last_change(parts: Parts, message_id: str) -> tuple[MessageState, str]:
    parts.ledger.flush_soon()
    found = parts.store.write(lambda c: outgoing.outgoing_message(c, message_id))
    assert found is not None
    return found[1].history[-1].state, found[1].history[-1].detail


def test_few_of_a_bulk_are_sealed_and_more_as_they_leave(parts: Parts) -> None:
    bulk(parts, 3 * SEALED_AHEAD)
    assert len(fragments_in(parts.store)) == SEALED_AHEAD
    for _ in range(5):
        assert parts.send_next() is not None
    parts.outbox.release()
    assert len(fragments_in(parts.store)) == SEALED_AHEAD + 5
    sent = 5
    while parts.send_next() is not None:
        sent += 1
        parts.outbox.release()
    assert sent == 3 * SEALED_AHEAD


def test_a_single_message_waits_for_those_that_are_sealed_and_not_for_the_whole_bulk(parts: Parts) -> None:
    bulk(parts, 10 * SEALED_AHEAD)
    posted = parts.post(b"single")
    assert posted.new is not None
    parts.outbox.add(posted.new)
    parts.outbox.release()
    turns = 0
    while (delivery := parts.outbox.delivery(posted.new.row)) is not None and delivery.sent == 0:
        parts.send_next()
        parts.outbox.release()
        turns += 1
    assert turns <= SEALED_AHEAD + 2


def test_it_is_sealed_to_the_key_of_the_moment(parts: Parts) -> None:
    later = parts.dispatch(b"later", not_before_s=parts.now_s + 60)
    assert fragments_in(parts.store) == []
    newer = SealingKey.generate(parts.rng)
    change_bob(parts, sealing_key=newer.public)
    parts.clock.advance(60)
    parts.outbox.release()
    [(row, position)] = fragments_in(parts.store)
    sealed = parts.store.write(lambda c: outgoing.load_fragments(c, [(row, position)]))[(row, position)].payload
    # The stand-in for HPKE masks with the recipient's key: only the newer one opens it.
    info = message_info(parts.bob.identity_key.public)
    PlainSealer(newer.public, rng=parts.rng).open(info, sealed)
    with pytest.raises(NotForUsError):
        PlainSealer(parts.bob.sealing.public, rng=parts.rng).open(info, sealed)
    assert last_change(parts, later)[0] is MessageState.QUEUED


def test_it_waits_while_the_contacts_changed_key_is_not_accepted(parts: Parts) -> None:
    message_id = parts.dispatch(b"later", not_before_s=parts.now_s + 60)
    bob = bob_of(parts)
    card = make_card(
        IdentityKey.generate(parts.rng),
        name="bob",
        provider=bob.provider,
        sealing_key=bob.sealing_key,
        now_s=parts.now_s,
    )
    change_bob(parts, changed_card=encode_card(card))
    parts.clock.advance(60)
    parts.outbox.release()
    assert fragments_in(parts.store) == []
    change_bob(parts, changed_card=None)
    parts.outbox.release()
    assert fragments_in(parts.store) == []
    parts.clock.advance(ABSENT_S)
    parts.outbox.release()
    assert len(fragments_in(parts.store)) == 1
    assert last_change(parts, message_id)[0] is MessageState.QUEUED


def test_it_fails_if_the_contact_has_another_key_or_is_gone(parts: Parts) -> None:
    other = parts.dispatch(b"other", key="1", not_before_s=parts.now_s + 60)
    gone = parts.dispatch(b"gone", key="2", not_before_s=parts.now_s + 120)
    change_bob(parts, identity=bytes(32))
    parts.clock.advance(60)
    parts.outbox.release()
    state, detail = last_change(parts, other)
    assert state is MessageState.FAILED
    assert "another one" in detail
    parts.store.write(lambda c: contacts.remove(c, BOB))
    parts.clock.advance(60)
    parts.outbox.release()
    state, detail = last_change(parts, gone)
    assert state is MessageState.FAILED
    assert "removed" in detail
    assert (parts.outbox.queued_messages, fragments_in(parts.store)) == (0, [])


def test_those_to_a_provider_that_is_away_keep_no_others_back(parts: Parts) -> None:
    bulk(parts, 2 * SEALED_AHEAD)
    others = tuple(node for node in parts.document.nodes if node.name != "provider2")
    parts.session.adopt(msgspec.structs.replace(parts.document, nodes=others))
    for _ in range(SEALED_AHEAD):
        assert parts.send_next() is None
    parts.outbox.release()
    assert len(fragments_in(parts.store)) == 2 * SEALED_AHEAD


def test_one_that_is_cancelled_while_it_is_sealed_stays_so(parts: Parts) -> None:
    posted = parts.post(b"who am I?", anonymous=True)
    assert posted.new is not None
    parts.outbox.add(posted.new)
    parts.outbox.release()
    assert len(fragments_in(parts.store)) > 0
    assert parts.outbox.cancel(posted.new.row)
    parts.ledger.flush_soon()
    assert parts.send_next() is None
    assert fragments_in(parts.store) == []
    assert not parts.outbox.cancel(posted.new.row)
