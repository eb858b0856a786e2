"""The door of the dashboard, knocked at without a browser."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from loopixmix.store.transactions import Store
from loopixmix.web.forms.bodies import FormBody
from loopixmix.web.showing.markup import element, render
from loopixmix.web.visiting.answers import Shown
from stats.analysts.book import AnalystBook
from stats.analysts.door import (
    ADDRESS_AT_ONCE,
    MOST_AT_ONCE,
    NAME_AT_ONCE,
    AnalystDoor,
    find_holder,
)
from stats.analysts.rights import AnalystRight
from stats.analysts.schema import SCHEMA
from tests.worlds.stats_dashboard import CHEAP, NOW_S

T = TypeVar("T")


class Later:
    """A thread that does its work when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []
        self.at_once = True

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]:
        done: Deferred[T] = Deferred()
        if self.at_once:
            done.callback(work())
        else:
            self.waiting.append(lambda: done.callback(work()))
        return done


class DoorWorld:
    """A door, and ada behind it."""

    def __init__(self) -> None:
        self.clock, self.thread = Clock(), Later()
        self.clock.advance(NOW_S)
        store = Store(SCHEMA, "sqlite://")
        self.book = AnalystBook(store, rng=random.Random(1), now_s=self.clock.seconds, cost=CHEAP)
        self.password = self.book.add("ada", [AnalystRight.SEE])
        self.door = AnalystDoor(self.book, clock=self.clock, in_thread=self.thread)

    def knock(self, name: str, password: str, address: str = "192.0.2.1") -> list[str | Shown]:
        answers: list[str | Shown] = []
        form = FormBody({"name": (name,), "password": (password,)})
        Deferred.fromCoroutine(self.door.knock(form, address)).addCallback(answers.append)
        return answers


def words(answer: str | Shown) -> tuple[int, str]:
    assert isinstance(answer, Shown)
    return answer.status, render(element("main", answer.content)).decode()


def test_a_name_and_its_password_let_in() -> None:
    world = DoorWorld()
    [holder] = world.knock("ada", world.password)
    assert isinstance(holder, str)
    found = find_holder(world.book, holder)
    assert found is not None
    assert found.name == "ada"
    world.book.change_password("ada")
    assert find_holder(world.book, holder) is None


def test_a_wrong_name_and_a_wrong_password_are_told_alike_and_no_password_is_shown() -> None:
    world = DoorWorld()
    [(status, shown)] = map(words, world.knock("ada", "marked-guess"))
    [(other_status, other)] = map(words, world.knock("eve", "marked-guess"))
    assert status == other_status == 403
    assert "Name or password is wrong." in shown
    assert shown.replace("ada", "eve") == other
    assert "marked-guess" not in shown


def test_an_empty_form_costs_no_attempt() -> None:
    world = DoorWorld()
    for _ in range(100):
        [(status, shown)] = map(words, world.knock("ada", ""))
        assert status == 422
        assert "Password: write something here" in shown
    assert isinstance(world.knock("ada", world.password)[0], str)


def test_one_address_may_try_some_times_and_then_a_few_in_a_minute() -> None:
    world = DoorWorld()
    tried = [words(world.knock(f"name{number}", "guess")[0])[0] for number in range(int(ADDRESS_AT_ONCE) + 5)]
    assert tried == [403] * int(ADDRESS_AT_ONCE) + [429] * 5
    assert isinstance(world.knock("ada", world.password, "192.0.2.2")[0], str)
    world.clock.advance(60)
    assert [words(world.knock("ada", "guess")[0])[0] for _ in range(4)] == [403] * 3 + [429]


def test_one_name_is_bounded_over_all_addresses() -> None:
    world = DoorWorld()
    tried = [words(world.knock("ada", "guess", f"192.0.2.{number}")[0])[0] for number in range(int(NAME_AT_ONCE) + 5)]
    assert tried == [403] * int(NAME_AT_ONCE) + [429] * 5
    # Not even the right password tells more now, or it could be found although the door is shut.
    status, shown = words(world.knock("ada", world.password, "192.0.2.99")[0])
    assert status == 429
    assert "Too many attempts" in shown
    world.clock.advance(61)
    assert isinstance(world.knock("ada", world.password, "192.0.2.99")[0], str)


def test_one_address_alone_keeps_nobody_out() -> None:
    world = DoorWorld()
    for _ in range(600):
        world.knock("ada", "guess")
        world.clock.advance(5)
    for _ in range(5):
        assert isinstance(world.knock("ada", world.password, "192.0.2.99")[0], str)


def test_few_passwords_are_hashed_at_one_time() -> None:
    world = DoorWorld()
    world.thread.at_once = False
    pending = [world.knock("ada", world.password, f"192.0.2.{number}") for number in range(MOST_AT_ONCE)]
    assert pending == [[]] * MOST_AT_ONCE
    assert words(world.knock("ada", world.password, "192.0.2.9")[0])[0] == 503
    for work in world.thread.waiting:
        work()
    assert all(isinstance(answer, str) for [answer] in pending)
    world.thread.at_once = True
    assert isinstance(world.knock("ada", world.password, "192.0.2.9")[0], str)
