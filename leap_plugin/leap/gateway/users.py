"""The users of a LEAP provider, as its gateway knows them: functions on a connection, and the operator's export."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or

from leap_plugin.leap.gateway.schema import users
from leap_plugin.leap.openpgp.certificates import BadCertificateError, read_certificate
from leap_plugin.mail.addresses import AddressError, read_address
from loopixmix.errors import UNDECODABLE, ConfigError, FormatError, MisuseError

_UUID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class UnknownUserError(MisuseError):
    """The gateway knows no user of that address."""


@dataclass(frozen=True, kw_only=True)
class MailboxOwner:
    """A user. `address`: in lower case; `uuid`: of the user's Soledad; `certificate`: encoded, None without one."""

    address: str
    uuid: str
    certificate: bytes | None = None


@dataclass(frozen=True)
class SkippedUser:
    """A line of an export that cannot be used, or whose key cannot."""

    address: str
    reason: str


class _Keys(msgspec.Struct):
    pgp: str = ""


class _Identity(msgspec.Struct):
    """A document of CouchDB's database `identities`, as far as a gateway looks at it; it has more."""

    address: str = ""
    user_id: str = ""
    enabled: bool = True
    keys: _Keys = msgspec.field(default_factory=_Keys)


class _Row(msgspec.Struct):
    doc: _Identity | None = None


class _View(msgspec.Struct):
    rows: list[_Row]


def read_export(data: bytes) -> list[_Identity]:
    """Return the identities of an export.

    It is the answer of CouchDB to `/identities/_design/Identity/_view/by_address?include_docs=true&reduce=false`, or to
    `/identities/_all_docs?include_docs=true`. Raises `FormatError`.
    """
    try:
        view = msgspec.json.decode(data, type=_View)
    except UNDECODABLE as error:
        raise FormatError(f"not an export of CouchDB's identities: {error}") from error
    return [row.doc for row in view.rows if row.doc is not None and row.doc.address]


def owners_of(
    identities: Iterable[_Identity], *, domains: frozenset[str], now_s: float, skipped: Callable[[SkippedUser], object]
) -> Iterator[MailboxOwner]:
    """Yield the users of an export, each with a key that can be used, or without one.

    `skipped` is told of those that are left out or have no key. A user that is disabled is left out.
    """
    for identity in identities:
        if not identity.enabled:
            skipped(SkippedUser(identity.address, "is disabled"))
            continue
        try:
            yield make_owner(identity.address, identity.user_id, identity.keys.pgp.encode(), domains, now_s)
        except BadCertificateError as error:
            skipped(SkippedUser(identity.address, f"has no key that can be used: {error}"))
            yield make_owner(identity.address, identity.user_id, b"", domains, now_s)
        except (ConfigError, AddressError) as error:
            skipped(SkippedUser(identity.address, f"is left out: {error}"))


def make_owner(address: str, uuid: str, certificate: bytes, domains: frozenset[str], now_s: float) -> MailboxOwner:
    """Return a user, checked; without a key if `certificate` is empty.

    Raises `AddressError`, `ConfigError` for another domain or a wrong uuid, and `BadCertificateError`.
    """
    folded = read_address(address, frozenset()).address.lower()
    domain = folded.rpartition("@")[2]
    if domain not in domains:
        raise ConfigError(f"{domain} is no domain of this gateway; it has {', '.join(sorted(domains))}")
    if not _UUID.fullmatch(uuid):
        raise ConfigError(f"{uuid[:80]!a} is no uuid of a user: letters, digits, _ and - are allowed, 64 at most")
    encoded = read_certificate(certificate, folded, now_s).encoded if certificate else None
    return MailboxOwner(address=folded, uuid=uuid, certificate=encoded)


def find_owner(connection: Connection, address: str) -> MailboxOwner | None:
    """Return the user of an address in lower case, or None."""
    row = connection.execute(select(users).where(users.c.address == address)).mappings().first()
    return None if row is None else MailboxOwner(**row)


def put_owner(connection: Connection, owner: MailboxOwner) -> None:
    """Add a user, or change one."""
    values = {"address": owner.address, "uuid": owner.uuid, "certificate": owner.certificate}
    changed = {"uuid": owner.uuid, "certificate": owner.certificate}
    connection.execute(
        insert_or(users).values(values).on_conflict_do_update(index_elements=[users.c.address], set_=changed)
    )


def replace_owners(connection: Connection, owners: list[MailboxOwner]) -> None:
    """Put these users in the place of all."""
    connection.execute(delete(users))
    if owners:
        connection.execute(
            insert(users),
            [{"address": one.address, "uuid": one.uuid, "certificate": one.certificate} for one in owners],
        )


def remove_owner(connection: Connection, address: str) -> None:
    """Forget a user; raises `UnknownUserError`."""
    if not connection.execute(delete(users).where(users.c.address == address)).rowcount:
        raise UnknownUserError(f"there is no user {address}")


def move_owner(connection: Connection, address: str, uuid: str) -> None:
    """Give an address to another Soledad; what waits goes there. Raises `UnknownUserError`, `ConfigError`."""
    if not _UUID.fullmatch(uuid):
        raise ConfigError(f"{uuid[:80]!a} is no uuid of a user: letters, digits, _ and - are allowed, 64 at most")
    if not connection.execute(update(users).where(users.c.address == address).values(uuid=uuid)).rowcount:
        raise UnknownUserError(f"there is no user {address}")


def count_owners(connection: Connection) -> int:
    """Return how many users there are."""
    return connection.execute(select(func.count()).select_from(users)).scalar_one()


def list_owners(connection: Connection, *, after: str, limit: int) -> list[MailboxOwner]:
    """Return users by address, those after `after`, at most `limit`."""
    rows = connection.execute(select(users).where(users.c.address > after).order_by(users.c.address).limit(limit))
    return [MailboxOwner(**row) for row in rows.mappings()]
