"""The queue in the store: what is found again, bounded and forgotten."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, func, select

from client.api import MessageState
from leap_plugin.mail.states import DsnAction
from leap_plugin.store import outgoing
from leap_plugin.store.accounts import account_number, erase_account
from leap_plugin.store.outgoing import MailRow, OutgoingContent, PieceRow, Reached, RecipientRow
from leap_plugin.store.schema import MAIL_STORE, metadata
from loopixmix.store.sqlite import MEMORY_URL
from loopixmix.store.transactions import Store

CONTENT = OutgoingContent(b"Subject: x\r\n\r\nbody", b"canonical")
ROW = RecipientRow(
    position=0,
    address="b@two.mix.invalid",
    reached_at="b@two",
    kind="mail",
    notify=frozenset({"SUCCESS", "DELAY"}),
    told=frozenset({DsnAction.DELAYED, DsnAction.FAILED}),
    token=b"\x00token",
    next_at_s=5.0,
)
PIECE = PieceRow(position=0, fragments=3)


@pytest.fixture
def connection() -> Iterator[Connection]:
    store = Store(MAIL_STORE, MEMORY_URL)
    with store._databases.writing.begin() as made:
        account_number(made, "alice@one", now_s=1)
        yield made
    store.close()


def put(connection: Connection, queue_id: str = "q", *pieces: PieceRow, row: RecipientRow = ROW) -> int:
    mail = MailRow(account=1, queue_id=queue_id, sender="a", folder="Outbox", uid=1, length_bytes=100, taken_at_s=10.0)
    return outgoing.insert_mail(connection, mail, CONTENT, [(row, pieces or (PIECE,))])


def test_a_mail_comes_back_as_it_was_put_in(connection: Connection) -> None:
    number = put(connection)
    [recipient] = outgoing.recipients_of(connection, number)
    assert (recipient.notify, recipient.told, recipient.token) == (ROW.notify, ROW.told, ROW.token)
    assert outgoing.pieces_of(connection, recipient.number) == [PIECE]
    assert outgoing.content_of(connection, number) == CONTENT
    assert outgoing.waiting_size(connection, 1) == (1, 100)
    assert outgoing.waiting_size(connection, 2) == (0, 0)
    assert "token" not in repr(recipient)
    assert "body" not in repr(CONTENT)


def test_what_is_due_is_found_and_nothing_else(connection: Connection) -> None:
    put(connection)
    assert outgoing.recipients_to_hand_over(connection, 1, 4.0, limit=9) == []
    assert outgoing.next_handover_s(connection, 1) == 5.0
    assert len(outgoing.recipients_to_hand_over(connection, 1, 5.0, limit=9)) == 1
    assert outgoing.recipients_to_hand_over(connection, 2, 5.0, limit=9) == []
    handed = PieceRow(position=0, fragments=3, tried=True, message_id="m", state=MessageState.SENDING)
    outgoing.change_piece(connection, 1, handed)
    assert outgoing.next_handover_s(connection, 1) is None
    assert outgoing.piece_of_message(connection, 2, "m") is None
    found = outgoing.piece_of_message(connection, 1, "m")
    assert found is not None
    assert found[1] == handed
    assert [piece for _, piece in outgoing.handed_alive(connection, 1)] == [handed]
    assert outgoing.handed_alive(connection, 1, answers=True) == []
    assert outgoing.long_pieces_alive(connection, 1, from_fragments=3) == 1
    assert outgoing.long_pieces_alive(connection, 1, from_fragments=4) == 0


@pytest.mark.parametrize(
    ("piece", "unwanted"),
    [
        (PieceRow(position=0, fragments=1), False),
        (PieceRow(position=0, fragments=1, tried=True), True),
        (PieceRow(position=0, fragments=1, tried=True, message_id="m", state=MessageState.RETRYING), True),
        (PieceRow(position=0, fragments=1, tried=True, message_id="m", state=MessageState.STORED), False),
    ],
)
def test_of_a_cancelled_mail_what_may_still_be_sent_is_found(
    connection: Connection, piece: PieceRow, unwanted: bool
) -> None:
    put(connection, "q", piece)
    assert outgoing.unwanted_alive(connection, 1) == []
    [recipient] = outgoing.recipients_of(connection, 1)
    outgoing.change_recipient(connection, RecipientRow(**{**vars(recipient), "state": Reached.CANCELLING}))
    assert bool(outgoing.unwanted_alive(connection, 1)) is unwanted


def test_failures_are_hurried(connection: Connection) -> None:
    put(connection)
    outgoing.hurry(connection, 1, 2.0)
    assert outgoing.next_handover_s(connection, 1) == 2.0


def test_of_an_ended_mail_the_head_stays_and_then_nothing(connection: Connection) -> None:
    first, second = put(connection, "1"), put(connection, "2")
    for number, at_s in ((first, 100.0), (second, 200.0)):
        outgoing.end_mail(connection, number, at_s)
    assert outgoing.content_of(connection, first) == OutgoingContent(b"Subject: x\r\n")
    assert outgoing.waiting_mails(connection, 1) == []
    assert list(outgoing.ended_mails(connection, 1, before_s=150.0, most=9)) == [first]
    assert list(outgoing.ended_mails(connection, 1, before_s=0.0, most=1)) == [first]
    outgoing.remove_mail(connection, first)
    assert outgoing.find_mail(connection, first) is None
    assert outgoing.recipients_of(connection, first) == []


def test_the_first_id_stays_and_the_oldest_are_forgotten(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    outgoing.keep_ids(connection, 1, {"<a>": "<1>"}, 1.0)
    outgoing.keep_ids(connection, 1, {"<a>": "<2>"}, 2.0)
    assert outgoing.ids_for(connection, 1, ["<1>"]) == {"<a>": "<1>"}
    assert outgoing.ids_for(connection, 2, ["<a>"]) == {}
    monkeypatch.setattr(outgoing, "MOST_IDS", 2)
    for at_s in (3.0, 4.0):
        outgoing.keep_ids(connection, 1, {f"<{at_s}>": f"<l{at_s}>"}, at_s)
    assert sorted(outgoing.ids_for(connection, 1, ["<a>", "<3.0>", "<4.0>"])) == ["<3.0>", "<4.0>"]


def test_the_last_step_and_the_standing_message_are_kept_apart(connection: Connection) -> None:
    assert (outgoing.followed(connection, 1), outgoing.standing_uid(connection, 1)) == (0, None)
    outgoing.note_followed(connection, 1, 7)
    outgoing.note_standing_uid(connection, 1, 3)
    outgoing.note_followed(connection, 1, 8)
    assert (outgoing.followed(connection, 1), outgoing.standing_uid(connection, 1)) == (8, 3)


def test_an_erased_account_leaves_nothing_in_the_queue(connection: Connection) -> None:
    put(connection)
    outgoing.keep_ids(connection, 1, {"<a>": "<1>"}, 1.0)
    outgoing.note_followed(connection, 1, 7)
    erase_account(connection, "alice@one")
    left = {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
        if table.name.startswith("outgoing")
    }
    assert set(left.values()) == {0}
