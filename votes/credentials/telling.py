"""How far a credential authority is, for its operator."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from votes.credentials.authority import CredentialAuthority
from votes.credentials.folder import ERASURE_FILE, LIST_FILE
from votes.record.election import decode_draft, shown_time
from votes.record.fingerprint import fingerprint_of, shown


class AuthorityStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is. `erase_by`: Unix seconds, once the election is frozen. `overdue`: that time is over."""

    name: str
    voters: int
    removed: int
    listed: bool
    fingerprint: str
    erase_by: int | None
    erased: bool
    overdue: bool


def status_of(authority: CredentialAuthority, now_s: float) -> AuthorityStatus:
    """Return how far an authority is."""
    folder, record = authority.folder, authority.frozen_record()
    table = folder.voters()
    erase_by = None if record is None else decode_draft(record).codes_erased_by
    erased = folder.optional(ERASURE_FILE) is not None and not (folder.codes.is_there or folder.places.is_there)
    return AuthorityStatus(
        name=authority.name,
        voters=0 if table is None else len(table.rows),
        removed=len(folder.removed()),
        listed=folder.optional(LIST_FILE) is not None,
        fingerprint="" if record is None else shown(fingerprint_of(record)),
        erase_by=erase_by,
        erased=erased,
        overdue=erase_by is not None and now_s > erase_by and not erased,
    )


def status_lines(status: AuthorityStatus) -> Iterator[str]:
    """Yield what a person reads."""
    yield f"{status.name}: {status.voters} voters, {status.removed} taken out"
    yield "the list of credentials is made" if status.listed else "the list of credentials is still to be made: draw"
    if status.erase_by is None:
        yield "not frozen yet"
        return
    yield f"frozen; the fingerprint is {status.fingerprint}"
    day = shown_time(status.erase_by)
    if status.erased:
        yield "codes, and who has which credential, are erased"
    else:
        yield f"codes, and who has which credential, have to be erased by {day}{': OVERDUE' if status.overdue else ''}"
