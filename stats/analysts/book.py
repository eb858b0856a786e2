"""The book of analysts: who they are, what they may do, the tokens of their programs, and what they did."""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng
from loopixmix.store.transactions import Store
from stats.analysts.passwords import HashingCost, hash_password, is_password, make_password
from stats.analysts.rights import AnalystRight, MissingRightError, decode_rights, encode_rights
from stats.analysts.schema import analysts, deeds, tokens

MOST_ANALYSTS, MOST_TOKENS = 200, 50
"""In all, and for each analyst."""
MOST_TOKEN_DAYS = 366
DAY_S = 86_400
_NAME = re.compile(r"[a-z][a-z0-9._-]{0,31}", re.ASCII)
_LABEL = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9 ._-]{0,59}", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True)
class Analyst:
    """Somebody who may log in. `mark`: another one with each password."""

    name: str
    rights: frozenset[AnalystRight]
    mark: str
    made_at_s: int

    def need(self, right: AnalystRight) -> None:
        """Raise `MissingRightError` without that right."""
        if right not in self.rights:
            raise MissingRightError(f"{self.name} does not have the right to {right.value}")


@dataclass(frozen=True)
class ProgramToken:
    """A bearer token as it is listed; its secret is not kept."""

    label: str
    made_at_s: int
    ends_at_s: int


@dataclass(frozen=True)
class Deed:
    """What an analyst did: its kind, with what, and how much."""

    at_s: int
    analyst: str
    kind: str
    subject: str
    amount: str


class AnalystBook:
    """Analysts in a store. The program and the commands use it side by side; every method waits for the disk."""

    def __init__(self, store: Store, *, rng: Rng, now_s: Callable[[], float], cost: HashingCost | None = None) -> None:
        """`store`: of the schema of `stats.analysts`. `cost`: of new passwords."""
        self._store = store
        self._rng = rng
        self._now_s = now_s
        self._cost = cost or HashingCost()
        # For names that nobody has: to refuse them takes as long.
        self._decoy = hash_password(make_password(rng), self._cost, rng)

    def add(self, name: str, rights: Iterable[AnalystRight]) -> str:
        """Add an analyst and return the password; raise `MisuseError` if the name is taken or not allowed."""
        if not _NAME.fullmatch(name):
            raise MisuseError("the name of an analyst has 1 to 32 characters: a-z 0-9 . _ - , first a letter")
        password, row = self._new_password()
        row |= {"name": name, "rights": encode_rights(rights), "made_at_s": int(self._now_s())}

        def work(connection: Connection) -> None:
            count = connection.scalar(select(func.count()).select_from(analysts)) or 0
            if _find(connection, name) is not None:
                raise MisuseError(f"there is an analyst {name!r} already")
            if count >= MOST_ANALYSTS:
                raise MisuseError(f"there are {MOST_ANALYSTS} analysts already, as many as there may be")
            connection.execute(insert(analysts).values(**row))

        self._store.write(work)
        return password

    def change_password(self, name: str) -> str:
        """Return a new password of an analyst. The old one, sessions and tokens count no more."""
        password, row = self._new_password()
        self._change(name, row)
        return password

    def change_rights(self, name: str, rights: Iterable[AnalystRight]) -> None:
        """Give an analyst exactly these rights, from now on; raise `MisuseError` if there is none of this name."""
        self._change(name, {"rights": encode_rights(rights)})

    def remove(self, name: str) -> None:
        """Remove an analyst with all tokens; what they did stays recorded."""

        def work(connection: Connection) -> None:
            if not connection.execute(delete(analysts).where(analysts.c.name == name)).rowcount:
                raise MisuseError(f"there is no analyst {name!r}")
            connection.execute(delete(tokens).where(tokens.c.analyst == name))

        self._store.write(work)

    def all(self) -> list[Analyst]:
        """Return all analysts by their names."""
        rows = self._store.read(lambda connection: connection.execute(select(analysts).order_by("name")).all())
        return [_analyst(row) for row in rows]

    def find(self, name: str, mark: str) -> Analyst | None:
        """Return an analyst whose password is still the one of `mark`."""
        row = self._store.read(lambda connection: _find(connection, name))
        return _analyst(row) if row is not None and row.mark == mark else None

    def check(self, name: str, password: str) -> Analyst | None:
        """Return the analyst of this name and password. It takes as long if there is none of this name."""
        row = self._store.read(lambda connection: _find(connection, name))
        is_right = is_password(password, self._decoy if row is None else row.password)
        return _analyst(row) if row is not None and is_right else None

    def make_token(self, name: str, label: str, days: int) -> str:
        """Return a new bearer token for a program of an analyst; it has the analyst's rights, as they are then."""
        if not _LABEL.fullmatch(label) or not 1 <= days <= MOST_TOKEN_DAYS:
            raise MisuseError(f"a token has a label of 1 to 60 plain characters, and 1 to {MOST_TOKEN_DAYS} days")
        secret = urlsafe_b64encode(self._rng.randbytes(32)).rstrip(b"=").decode("ascii")
        made_at_s = int(self._now_s())

        def work(connection: Connection) -> None:
            analyst = _find(connection, name)
            if analyst is None:
                raise MisuseError(f"there is no analyst {name!r}")
            connection.execute(delete(tokens).where(tokens.c.ends_at_s <= made_at_s))
            of_name = select(func.count()).select_from(tokens).where(tokens.c.analyst == name)
            if (connection.scalar(of_name) or 0) >= MOST_TOKENS:
                raise MisuseError(f"{name} has {MOST_TOKENS} tokens already, as many as there may be")
            row = {"secret_hash": _hash_of(secret), "analyst": name, "mark": analyst.mark, "label": label}
            row |= {"made_at_s": made_at_s, "ends_at_s": made_at_s + days * DAY_S}
            connection.execute(insert(tokens).values(**row))

        self._store.write(work)
        return secret

    def tokens(self, name: str) -> list[ProgramToken]:
        """Return the tokens of an analyst, the oldest first."""
        asked = select(tokens).where(tokens.c.analyst == name).order_by("made_at_s", "label")
        rows = self._store.read(lambda connection: connection.execute(asked).all())
        return [ProgramToken(row.label, row.made_at_s, row.ends_at_s) for row in rows]

    def remove_token(self, name: str, label: str) -> None:
        """Remove the tokens of an analyst that have this label; raise `MisuseError` if there is none."""
        unwanted = delete(tokens).where(tokens.c.analyst == name, tokens.c.label == label)
        if not self._store.write(lambda connection: connection.execute(unwanted).rowcount):
            raise MisuseError(f"{name} has no token {label!r}")

    def of_token(self, secret: str) -> Analyst | None:
        """Return the analyst whose program has this token; a hash is looked up, so the time tells nothing."""
        if not _TOKEN.fullmatch(secret):
            return None
        now_s = int(self._now_s())

        def work(connection: Connection) -> Row[Any] | None:
            token = connection.execute(select(tokens).where(tokens.c.secret_hash == _hash_of(secret))).one_or_none()
            if token is None or not token.made_at_s <= now_s < token.ends_at_s:
                return None
            analyst = _find(connection, token.analyst)
            return analyst if analyst is not None and analyst.mark == token.mark else None

        row = self._store.read(work)
        return None if row is None else _analyst(row)

    def record(self, analyst: Analyst, kind: str, subject: str, amount: str) -> None:
        """Write down what an analyst is about to do: if that fails, it is not done."""
        values = {"at_s": int(self._now_s()), "analyst": analyst.name, "kind": kind}
        values |= {"subject": subject[:200], "amount": amount[:200]}
        self._store.write(lambda connection: connection.execute(insert(deeds).values(**values)))

    def deeds(self, most: int) -> list[Deed]:
        """Return the newest deeds, the newest first."""
        asked = select(deeds).order_by(deeds.c.number.desc()).limit(most)
        rows = self._store.read(lambda connection: connection.execute(asked).all())
        return [Deed(row.at_s, row.analyst, row.kind, row.subject, row.amount) for row in rows]

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _change(self, name: str, values: dict[str, object]) -> None:
        changed = update(analysts).where(analysts.c.name == name).values(**values)
        if not self._store.write(lambda connection: connection.execute(changed).rowcount):
            raise MisuseError(f"there is no analyst {name!r}")

    def _new_password(self) -> tuple[str, dict[str, object]]:
        password = make_password(self._rng)
        hashed = hash_password(password, self._cost, self._rng)
        return password, {"password": hashed, "mark": self._rng.randbytes(8).hex()}


def _find(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(analysts).where(analysts.c.name == name)).one_or_none()


def _analyst(row: Row[Any]) -> Analyst:
    return Analyst(row.name, decode_rights(row.rights), row.mark, row.made_at_s)


def _hash_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
