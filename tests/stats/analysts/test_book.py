"""The book of analysts, in SQLite and PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopixmix.errors import MisuseError
from loopixmix.store.transactions import Store
from stats.analysts.book import DAY_S, MOST_TOKENS, AnalystBook
from stats.analysts.rights import AnalystRight, MissingRightError
from stats.analysts.schema import SCHEMA
from tests.worlds.databases import SQLITE_AND_POSTGRES, new_database
from tests.worlds.stats_dashboard import CHEAP, NOW_S

SEE, EXPORT, SPEND = AnalystRight


class BookWorld:
    """A book, and a clock that the test moves."""

    def __init__(self, url: str) -> None:
        self.now_s, self.url = NOW_S, url
        self.book = self.open()

    def open(self) -> AnalystBook:
        return AnalystBook(Store(SCHEMA, self.url), rng=random.Random(1), now_s=lambda: self.now_s, cost=CHEAP)


@pytest.fixture(params=SQLITE_AND_POSTGRES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BookWorld]:
    made = BookWorld(new_database(request.param, tmp_path))
    yield made
    made.book.close()


def test_an_analyst_is_known_by_name_and_password(world: BookWorld) -> None:
    password = world.book.add("ada", [SEE, EXPORT])
    found = world.book.check("ada", password)
    assert found is not None
    assert (found.name, found.rights, found.made_at_s) == ("ada", {SEE, EXPORT}, NOW_S)
    assert world.book.check("ada", "wrong") is None
    assert world.book.check("bob", password) is None
    assert [each.name for each in world.book.all()] == ["ada"]
    assert password not in repr(world.book.all())


def test_names_are_plain_and_taken_once(world: BookWorld) -> None:
    world.book.add("ada", [SEE])
    with pytest.raises(MisuseError, match="there is an analyst 'ada' already"):
        world.book.add("ada", [SEE])
    for name in ("", "Ada", "a b", "1a", "a" * 33, "a/b"):
        with pytest.raises(MisuseError, match="the name of an analyst has"):
            world.book.add(name, [SEE])


def test_rights_are_apart_and_change_at_once(world: BookWorld) -> None:
    world.book.add("ada", [SEE])
    [ada] = world.book.all()
    ada.need(SEE)
    for right in (EXPORT, SPEND):
        with pytest.raises(MissingRightError, match=f"ada does not have the right to {right.value}"):
            ada.need(right)
    world.book.change_rights("ada", [SPEND])
    found = world.book.find("ada", ada.mark)
    assert found is not None
    assert found.rights == {SPEND}


def test_a_new_password_ends_the_old_one_with_sessions_and_tokens(world: BookWorld) -> None:
    password = world.book.add("ada", [SEE])
    [ada] = world.book.all()
    token = world.book.make_token("ada", "notebook", 30)
    renewed = world.book.change_password("ada")
    assert world.book.check("ada", password) is None
    assert world.book.check("ada", renewed) is not None
    assert world.book.find("ada", ada.mark) is None
    assert world.book.of_token(token) is None


def test_whoever_is_removed_is_gone_and_what_they_did_stays(world: BookWorld) -> None:
    world.book.add("ada", [SEE])
    [ada] = world.book.all()
    token = world.book.make_token("ada", "notebook", 30)
    world.book.record(ada, "export", "survey 1", "12 rows")
    world.book.remove("ada")
    assert world.book.find("ada", ada.mark) is None
    assert world.book.of_token(token) is None
    assert [(deed.analyst, deed.kind, deed.subject, deed.amount) for deed in world.book.deeds(10)] == [
        ("ada", "export", "survey 1", "12 rows")
    ]
    # Somebody else of this name begins anew.
    world.book.add("ada", [SEE])
    assert world.book.find("ada", ada.mark) is None
    assert world.book.tokens("ada") == []


def test_who_is_not_there_cannot_be_changed(world: BookWorld) -> None:
    for change in (
        lambda: world.book.change_password("eve"),
        lambda: world.book.change_rights("eve", []),
        lambda: world.book.remove("eve"),
        lambda: world.book.make_token("eve", "notebook", 1),
    ):
        with pytest.raises(MisuseError, match="there is no analyst 'eve'"):
            change()


def test_a_token_counts_until_its_end_and_can_be_taken_back(world: BookWorld) -> None:
    world.book.add("ada", [SEE])
    token = world.book.make_token("ada", "notebook", 2)
    found = world.book.of_token(token)
    assert found is not None
    assert found.name == "ada"
    assert world.book.of_token(token[:-1] + ("A" if token[-1] != "A" else "B")) is None
    assert world.book.of_token("") is None
    [listed] = world.book.tokens("ada")
    assert (listed.label, listed.ends_at_s - listed.made_at_s) == ("notebook", 2 * DAY_S)
    world.now_s = NOW_S + 2 * DAY_S
    assert world.book.of_token(token) is None
    again = world.book.make_token("ada", "notebook", 2)
    assert len(world.book.tokens("ada")) == 1
    world.book.remove_token("ada", "notebook")
    assert world.book.of_token(again) is None
    with pytest.raises(MisuseError, match="ada has no token 'notebook'"):
        world.book.remove_token("ada", "notebook")


def test_tokens_are_bounded_in_time_and_number(world: BookWorld) -> None:
    world.book.add("ada", [SEE])
    for label, days in (("", 1), ("a\nb", 1), ("a", 0), ("a", 367)):
        with pytest.raises(MisuseError, match="a token has a label"):
            world.book.make_token("ada", label, days)
    for number in range(MOST_TOKENS):
        world.book.make_token("ada", f"program {number}", 1)
    with pytest.raises(MisuseError, match="ada has 50 tokens already"):
        world.book.make_token("ada", "one more", 1)


def test_a_second_program_sees_each_change(world: BookWorld) -> None:
    beside = world.open()
    password = beside.add("ada", [SEE])
    assert world.book.check("ada", password) is not None
    beside.remove("ada")
    assert world.book.check("ada", password) is None
    beside.close()


def test_the_store_holds_no_secret(tmp_path: Path) -> None:
    world = BookWorld(new_database("sqlite", tmp_path))
    password = world.book.add("ada", [SEE])
    token = world.book.make_token("ada", "notebook", 2)
    world.book.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"notebook" in kept
    assert token.encode() not in kept
    assert password.encode() not in kept
    assert password.replace("-", "").encode() not in kept
