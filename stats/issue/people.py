"""Who may have tokens of a survey, in the store: codes by their hashes, and the addresses that are sent one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import Connection, Table, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from loopixmix.errors import MisuseError
from stats.issue.store import addressees, codes, signed

MOST_PERSONS = 10_000_000
"""Of one survey: as many as its largest threshold."""

_KNOWN = select(codes.c.code_hash).where(
    codes.c.draft_id == bindparam("of_draft"), codes.c.code_hash == bindparam("of_code")
)
_COUNT_CODES = select(func.count()).select_from(codes).where(codes.c.draft_id == bindparam("of_draft"))
_COUNT_STATES = (
    select(addressees.c.state, func.count())
    .where(addressees.c.draft_id == bindparam("of_draft"))
    .group_by(addressees.c.state)
)
_COUNT_SIGNED = select(func.count()).select_from(signed).where(signed.c.key_id == bindparam("of_key"))
_WAITING = (
    select(addressees.c.address, addressees.c.fingerprint)
    .where(addressees.c.draft_id == bindparam("of_draft"), addressees.c.state == "waiting")
    .order_by(addressees.c.address)
    .limit(bindparam("most"))
)
_SET_STATE = (
    update(addressees)
    .where(addressees.c.draft_id == bindparam("of_draft"), addressees.c.address == bindparam("of_address"))
    .values(state=bindparam("new_state"))
)
_LISTED = select(addressees.c.address, addressees.c.state).where(addressees.c.draft_id == bindparam("of_draft"))


class AddresseeState(Enum):
    """What became of the code of an address."""

    WAITING = "waiting"
    SENT = "sent"
    OTHER_KEY = "other-key"
    """The address has another key than the list says: no code was sent."""
    UNKNOWN = "unknown"
    """There is no such provider or mail domain in the network."""


@dataclass(frozen=True)
class Addressee:
    """An address on the list of a survey, and the fingerprint of its key."""

    address: str
    fingerprint: str


def add_codes(connection: Connection, draft_id: bytes, hashes: Iterable[bytes]) -> None:
    """Let whoever has one of these codes have tokens; one that is there already is left; raise `MisuseError`."""
    rows = [{"draft_id": draft_id, "code_hash": each} for each in hashes]
    if not rows:
        return
    there: int = connection.execute(_COUNT_CODES, {"of_draft": draft_id}).scalar_one()
    if there + len(rows) > MOST_PERSONS:
        raise MisuseError(f"a survey has at most {MOST_PERSONS:,} codes; it has {there:,}")
    _add_new(connection, codes, rows)


def is_known(connection: Connection, draft_id: bytes, code_hash: bytes) -> bool:
    """Tell whether there is this code."""
    # Looked up by a hash of 120 random bits: the time of the search tells nothing that helps to guess a code.
    found = connection.execute(_KNOWN, {"of_draft": draft_id, "of_code": code_hash}).first()
    return found is not None


def add_addressees(connection: Connection, draft_id: bytes, listed: Iterable[Addressee]) -> None:
    """Put addresses on the list, each of which will be sent a code; one that is there already is left as it is."""
    waiting = AddresseeState.WAITING.value
    rows = [
        {"draft_id": draft_id, "address": each.address, "fingerprint": each.fingerprint, "state": waiting}
        for each in listed
    ]
    if rows:
        _add_new(connection, addressees, rows)


def waiting_addressees(connection: Connection, draft_id: bytes, most: int) -> list[Addressee]:
    """Return at most `most` addresses whose code was not sent yet."""
    found = connection.execute(_WAITING, {"of_draft": draft_id, "most": most})
    return [Addressee(row.address, row.fingerprint) for row in found]


def set_state(connection: Connection, draft_id: bytes, address: str, state: AddresseeState) -> None:
    """Write down what became of the code of an address."""
    values = {"of_draft": draft_id, "of_address": address, "new_state": state.value}
    connection.execute(_SET_STATE, values)


def listed_addressees(connection: Connection, draft_id: bytes) -> list[tuple[str, AddresseeState]]:
    """Return all addresses on the list, with what became of their codes."""
    found = connection.execute(_LISTED.order_by(addressees.c.address), {"of_draft": draft_id})
    return [(row.address, AddresseeState(row.state)) for row in found]


def count_codes(connection: Connection, draft_id: bytes) -> int:
    """Return how many codes a survey has."""
    return int(connection.execute(_COUNT_CODES, {"of_draft": draft_id}).scalar_one())


def count_states(connection: Connection, draft_id: bytes) -> dict[AddresseeState, int]:
    """Return how many addresses on the list of a survey are in each state."""
    found = connection.execute(_COUNT_STATES, {"of_draft": draft_id})
    return {AddresseeState(state): count for state, count in found}


def count_signed(connection: Connection, key_id: bytes) -> int:
    """Return how many tokens of a key were signed."""
    return int(connection.execute(_COUNT_SIGNED, {"of_key": key_id}).scalar_one())


def erase_signed(connection: Connection, key_id: bytes) -> None:
    """Forget who had tokens of a key that is erased itself."""
    connection.execute(delete(signed).where(signed.c.key_id == key_id))


def erase_people(connection: Connection, draft_id: bytes) -> None:
    """Forget the codes and addresses of a survey that is over."""
    for table in (codes, addressees):
        connection.execute(delete(table).where(table.c.draft_id == draft_id))


def put_signed(connection: Connection, key_id: bytes, holder: bytes, message: bytes) -> bool:
    """Note that a message is signed for a holder, who has one for each key; false if that was another message."""
    row = {"key_id": key_id, "holder": holder, "message": message}
    _add_new(connection, signed, [row])
    kept = select(signed.c.message).where(signed.c.key_id == key_id, signed.c.holder == holder)
    return bool(connection.execute(kept).scalar_one() == message)


def _add_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert the rows whose primary keys are not there yet."""
    inserts = {
        "sqlite": sqlite.insert(table).on_conflict_do_nothing(),
        "postgresql": postgresql.insert(table).on_conflict_do_nothing(),
    }
    connection.execute(inserts[connection.dialect.name], rows)
