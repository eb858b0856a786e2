"""The door of the dashboard: a name and a password, within bounds."""

from __future__ import annotations

from loopixmix.bounds import BucketsByKey, TokenBucket
from loopixmix.seams import Clock
from loopixmix.web.forms.bodies import FormBody
from loopixmix.web.forms.fields import TextField
from loopixmix.web.forms.forms import Filled, Form
from loopixmix.web.showing.markup import Content, element, paragraph
from loopixmix.web.visiting.answers import Shown
from loopixmix.web.visiting.doors import DOOR_PATH
from stats.analysts.aside import WorkAside
from stats.analysts.book import Analyst, AnalystBook
from stats.analysts.passwords import MOST_CHARACTERS

NAME = TextField("name", "Name", longest=32, complete="username")
PASSWORD = TextField("password", "Password", longest=MOST_CHARACTERS, complete="current-password")
LOGIN = Form(NAME, PASSWORD, submit="Log in", action=DOOR_PATH)
WRONG = "Name or password is wrong."
TOO_OFTEN = "Too many attempts. Wait some minutes, and try again."
BUSY = "Too many people log in just now. Try again in a moment."
NAME_PER_S, NAME_AT_ONCE = 1 / 10, 30.0
"""More than one address may: otherwise a single stranger could keep somebody out. No password of ours is guessed so."""
ADDRESS_PER_S, ADDRESS_AT_ONCE = 1 / 20, 20.0
ALL_PER_S, ALL_AT_ONCE = 2.0, 40.0
MOST_AT_ONCE = 4
"""Checks that wait or run at one time: each takes 64 MiB and a tenth of a second."""
MOST_REMEMBERED = 4096


class Attempts:
    """How often somebody may still try: by the name, by the address, and all together.

    A name is bounded too, because one attacker has many addresses. Whoever is in already stays in, and so do programs.
    """

    def __init__(self, clock: Clock) -> None:
        """Begin with nothing tried."""
        self._clock = clock
        self._names: BucketsByKey[str] = BucketsByKey(NAME_PER_S, NAME_AT_ONCE, capacity=MOST_REMEMBERED)
        self._addresses: BucketsByKey[str] = BucketsByKey(ADDRESS_PER_S, ADDRESS_AT_ONCE, capacity=MOST_REMEMBERED)
        self._all = TokenBucket(ALL_PER_S, ALL_AT_ONCE, clock.seconds())

    def take(self, name: str, address: str) -> bool:
        """Take one attempt; false if there is none left."""
        now_s = self._clock.seconds()
        # In this order: somebody who has used up an address uses up no name, and no one else's turns.
        return self._addresses.take(address, now_s) and self._names.take(name, now_s) and self._all.take(now_s)


class AnalystDoor:
    """Lets analysts in by name and password."""

    def __init__(self, book: AnalystBook, *, clock: Clock, in_thread: WorkAside) -> None:
        """`in_thread`: to hash a password takes a tenth of a second, which nobody else is to wait for."""
        self._book = book
        self._attempts = Attempts(clock)
        self._in_thread = in_thread
        self._checking = 0

    def ask(self) -> Shown:
        """Return the page with the form."""
        return _page(None, "")

    async def knock(self, form: FormBody, address: str) -> str | Shown:
        """Return the holder of the session, or the page with what is wrong."""
        filled = LOGIN.read(form)
        if not filled.is_good:
            return _page(filled, "")
        name = filled.value(NAME)
        if self._checking >= MOST_AT_ONCE:
            return _page(filled, BUSY, status=503)
        if not self._attempts.take(name, address):
            return _page(filled, TOO_OFTEN, status=429)
        self._checking += 1
        try:
            analyst = await self._in_thread(lambda: self._book.check(name, filled.value(PASSWORD)))
        finally:
            self._checking -= 1
        return _page(filled, WRONG, status=403) if analyst is None else holder_of(analyst)


def holder_of(analyst: Analyst) -> str:
    """Return what a session remembers of its analyst: with a new password it is another one."""
    return f"{analyst.name}/{analyst.mark}"


def find_holder(book: AnalystBook, holder: str) -> Analyst | None:
    """Return the analyst of a session, as the book has it now; None if the session counts no more."""
    name, _, mark = holder.partition("/")
    return book.find(name, mark)


def _page(filled: Filled | None, wrong: str, *, status: int = 200) -> Shown:
    told: Content = element("p", wrong, class_="errors", role="alert") if wrong else ""
    how = paragraph("Names and passwords are made by the collector's operator: loopixmix stats analyst add.")
    return Shown("Log in", [told, LOGIN.show("", filled), how], status=422 if filled and filled.errors else status)
