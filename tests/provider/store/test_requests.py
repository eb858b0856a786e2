"""Rows of requests: begun once, answered once, erased by their epoch."""

from __future__ import annotations

from provider.store import MailStore
from provider.store.requests import (
    Begun,
    KeptFigures,
    NewRequest,
    begin_requests,
    erase_requests,
    forget_request,
    keep_answers,
    kept_figures,
    read_answer,
)


def name(number: int) -> bytes:
    return number.to_bytes(32)


def new(number: int, *, service: str = "s", last_epoch: int = 5, has_room: bool = True) -> NewRequest:
    return NewRequest(name(number), service, last_epoch, has_room)


def begin(store: MailStore, *requests: NewRequest) -> list[Begun]:
    return store.write(lambda connection: begin_requests(connection, requests))


def test_copies_in_one_batch_and_later_are_found(store: MailStore) -> None:
    assert begin(store, new(1), new(2), new(1)) == [Begun.NOW, Begun.NOW, Begun.BEFORE]
    store.write(lambda connection: keep_answers(connection, [(name(1), b"sealed")]))
    assert begin(store, new(1), new(2), new(3)) == [Begun.ANSWERED, Begun.BEFORE, Begun.NOW]


def test_a_large_batch_takes_several_statements(store: MailStore) -> None:
    many = [new(number) for number in range(1000)]
    assert begin(store, *many) == [Begun.NOW] * 1000
    assert begin(store, *many) == [Begun.BEFORE] * 1000


def test_what_has_no_room_is_not_begun(store: MailStore) -> None:
    assert begin(store, new(1, has_room=False), new(1)) == [Begun.REFUSED, Begun.NOW]


def test_answers_are_read(store: MailStore) -> None:
    begin(store, new(1), new(2), new(4))
    store.write(lambda connection: keep_answers(connection, [(name(1), b"one"), (name(4), b"")]))
    found = store.read(lambda connection: [read_answer(connection, name(number)) for number in (1, 2, 3, 4)])
    assert found == [(Begun.ANSWERED, b"one"), (Begun.BEFORE, b""), (Begun.NOW, b""), (Begun.ANSWERED, b"")]


def test_only_what_has_no_answer_is_forgotten(store: MailStore) -> None:
    begin(store, new(1), new(2))
    store.write(lambda connection: keep_answers(connection, [(name(1), b"one")]))
    for number in (1, 2):
        store.write(lambda connection, number=number: forget_request(connection, name(number)))
    assert begin(store, new(1), new(2)) == [Begun.ANSWERED, Begun.NOW]


def test_rows_are_counted_by_service_and_epoch(store: MailStore) -> None:
    begin(store, new(1), new(2), new(3, last_epoch=6), new(4, service="t"))
    store.write(lambda connection: keep_answers(connection, [(name(1), b"12345")]))
    figures, erased = store.read(kept_figures)
    assert sorted(figures, key=str) == [
        *(KeptFigures("s", 5, 2, 5), KeptFigures("s", 6, 1, 0), KeptFigures("t", 5, 1, 0))
    ]
    assert erased == -1


def test_rows_are_erased_up_to_an_epoch_some_at_a_time(store: MailStore) -> None:
    begin(store, *(new(number, last_epoch=number % 3) for number in range(9)))
    counts = [store.write(lambda connection: erase_requests(connection, 1, 4)) for _ in range(3)]
    assert counts == [4, 2, 0]
    figures, erased = store.read(kept_figures)
    assert figures == [KeptFigures("s", 2, 3, 0)]
    assert erased == 1
    store.write(lambda connection: erase_requests(connection, 0, 4))
    assert store.read(kept_figures)[1] == 1
