from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from client.api import ConflictError, KeyChangedError, MessageState, QueueFullError, UnknownContactError
from client.core.settings import ClientSettings
from client.store import contacts, outgoing
from client.store.outgoing import ANONYMOUS, RECEIPT, SIGNED
from loopixmix.cards import make_card
from loopixmix.keys import IdentityKey
from tests.worlds.clients.parts import BOB, Parts, fragments_in


@pytest.fixture
def parts() -> Iterator[Parts]:
    made = Parts(settings=ClientSettings(max_queued_messages=3, max_queued_fragments=6, receipt_delay_mean_s=20.0))
    made.go_online()
    made.befriend_bob()
    yield made
    made.close()


def test_a_message_is_stored_whole_in_packets_of_one_length(parts: Parts) -> None:
    posted = parts.post(bytes(4000))
    assert posted.new is not None
    new = posted.new
    assert (new.form, new.mailbox, new.provider) == (
        SIGNED,
        parts.bob.identity_key.public,
        parts.model.node("provider2").id,
    )
    assert (new.fragments, new.sent, new.state, new.is_draft) == (3, 0, MessageState.QUEUED, False)
    assert new.waiting == ((0, None), (1, None), (2, None))
    assert fragments_in(parts.store) == [(new.row, position) for position in range(3)]
    assert parts.store.write(outgoing.unfinished) == [new]


def test_the_same_call_again_finds_the_message(parts: Parts) -> None:
    first, again = parts.post(b"x"), parts.post(b"x")
    assert again.message_id == first.message_id
    assert again.new is None
    assert len(fragments_in(parts.store)) == 1


@pytest.mark.parametrize("changed", ["body", "form"])
def test_the_same_key_for_another_message_is_refused(parts: Parts, changed: str) -> None:
    parts.post(b"x")
    with pytest.raises(ConflictError):
        parts.post(b"y" if changed == "body" else b"x", anonymous=changed == "form")


def test_only_contacts_can_be_written_to(parts: Parts) -> None:
    with pytest.raises(UnknownContactError):
        parts.post(b"x", to="carol@provider2")
    with pytest.raises(UnknownContactError):
        parts.post(b"x", to="reply:0011")


def test_a_contact_whose_key_changed_is_not_written_to(parts: Parts) -> None:
    card = make_card(
        IdentityKey.generate(parts.rng),
        name="bob",
        provider=parts.model.node("provider2").id,
        sealing_key=parts.bob.sealing.public,
        now_s=parts.now_s,
    )
    known = parts.store.write(lambda c: contacts.find(c, BOB))
    assert known is not None
    parts.store.write(lambda c: contacts.save_changed_card(c, known, card))
    with pytest.raises(KeyChangedError):
        parts.post(b"x")


def test_a_full_queue_takes_nothing_and_stores_nothing(parts: Parts) -> None:
    for number in range(3):
        parts.post(b"x", key=str(number))
    with pytest.raises(QueueFullError, match="3 messages wait"):
        parts.post(b"x", key="4")
    assert len(fragments_in(parts.store)) == 3


def test_one_message_always_fits_however_long(parts: Parts) -> None:
    assert parts.post(bytes(20_000)).new is not None
    with pytest.raises(QueueFullError, match="fragments wait"):
        parts.post(b"x", key="2")


def test_an_anonymous_message_is_kept_as_it_is_until_it_leaves(parts: Parts) -> None:
    posted = parts.post(b"who am I?", anonymous=True)
    assert posted.new is not None
    assert (posted.new.form, posted.new.is_draft) == (ANONYMOUS, True)
    assert fragments_in(parts.store) == []
    assert parts.store.write(outgoing.unfinished) == [posted.new]


def test_a_receipt_leaves_a_random_time_later_and_has_no_history(parts: Parts) -> None:
    contact = parts.store.write(lambda c: contacts.find(c, BOB))
    assert contact is not None
    registered = parts.session.registered()

    def receipt() -> float:
        stored = parts.store.write(
            lambda c: parts.poster.post_receipt(
                c,
                contact,
                received=bytes(16),
                account=registered.account,
                params=registered.params,
                now_s=parts.now_s,
            )
        )
        assert (stored.form, stored.fragments) == (RECEIPT, 1)
        return stored.not_before_s - parts.now_s

    waits_s = [receipt() for _ in range(3)]
    assert len(set(waits_s)) == 3
    assert all(wait_s > 0 for wait_s in waits_s)
    assert parts.store.write(lambda c: outgoing.changes_after(c, after=0, limit=10)) == []


def test_what_was_stored_can_be_told_from_every_other_message(parts: Parts) -> None:
    first = parts.post(b"x", key="1").new
    second = parts.post(b"x", key="2").new
    assert first is not None
    assert second is not None
    assert first.message_id != second.message_id
    assert msgspec.structs.replace(first, row=second.row, message_id=second.message_id) == second
