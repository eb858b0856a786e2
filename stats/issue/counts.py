"""How many codes and tokens there are, by survey: what the issuer tells its operator, of nobody alone."""

from __future__ import annotations

from pathlib import Path

import msgspec

from loopixmix.store.transactions import Store
from loopixmix.tokens import decode_token_key
from stats.issue.people import AddresseeState, count_codes, count_signed, count_states
from stats.issue.surveys import DRAFT_FILE, PUBLIC_FILE, SURVEYS, read_draft, read_public


class SurveyCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of a survey. `signed`: tokens of each key, by period and sheet; 0 once the period has ended.

    `waiting`, `sent`, `refused`: addresses on the list. `keys`: whose period has not ended.
    """

    title: str
    draft_id: str
    persons: str
    codes: int
    waiting: int
    sent: int
    refused: int
    signed: list[int]
    keys: int


def counts_of(directory: Path, store: Store, now_s: float) -> list[SurveyCounts]:
    """Return the counts of all surveys of the issuer in `directory`; raise `ConfigError`, `StoreError`."""
    folders = sorted(path.parent for path in (directory / SURVEYS).glob(f"*/{PUBLIC_FILE}"))
    return [_counts(folder, store, now_s) for folder in folders]


def _counts(folder: Path, store: Store, now_s: float) -> SurveyCounts:
    draft = read_draft(folder / DRAFT_FILE)
    keys = [decode_token_key(public.key) for public in read_public(folder / PUBLIC_FILE)]
    codes, states, signed = store.read(
        lambda connection: (
            count_codes(connection, draft.draft_id),
            count_states(connection, draft.draft_id),
            [count_signed(connection, key.key_id) for key in keys],
        )
    )
    refused = (AddresseeState.OTHER_KEY, AddresseeState.UNKNOWN)
    return SurveyCounts(
        title=draft.title,
        draft_id=draft.draft_id.hex(),
        persons=draft.persons.kind.value,
        codes=codes,
        waiting=states.get(AddresseeState.WAITING, 0),
        sent=states.get(AddresseeState.SENT, 0),
        refused=sum(states.get(state, 0) for state in refused),
        signed=signed,
        keys=sum(now_s < key.ends_s for key in keys),
    )
