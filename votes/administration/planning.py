"""The plan of an election, as an administrator writes it: a TOML file that becomes the draft of the record."""

from __future__ import annotations

from datetime import datetime

import msgspec

from loopixmix.config import read_toml
from loopixmix.errors import ConfigError
from loopixmix.group.group import Group
from loopixmix.seams import Identity
from votes.record.canonical import Hex
from votes.record.election import VERSION, Election, ElectionParty, TrusteeParty
from votes.record.polls import Poll
from votes.record.rules.elections import listed_faults


class _Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    voters: int
    credential_root: str
    salt: str


class _PlannedParty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    identity: str


class _PlannedTrustee(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    identity: str
    encryption_key: str


class ElectionPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A plan. Times are dates with an offset from UTC; keys are hexadecimal, as the parties' commands print them."""

    title: str
    administrator: str
    opens_at: datetime
    closes_at: datetime
    codes_erased_by: datetime
    threshold: int
    polls: tuple[Poll, ...]
    credential_authority: _PlannedParty
    credentials: _Listed
    board: _PlannedParty
    trustees: tuple[_PlannedTrustee, ...]
    mixers: tuple[_PlannedParty, ...]
    description: str = ""
    group: str = "ristretto255"
    counts_only: bool = False
    rehearsal: bool = False


def read_plan(text: str) -> ElectionPlan:
    """Read a plan. Raises `ConfigError` with the place and what is allowed there."""
    try:
        return msgspec.convert(read_toml(text), ElectionPlan, builtin_types=(datetime,), str_keys=True)
    except (msgspec.MsgspecError, ConfigError) as error:
        raise ConfigError(f"the plan of the election cannot be used: {error}") from error


def draft_of(plan: ElectionPlan, administrator: Identity, group: Group, *, rehearsal: bool = False) -> Election:
    """Return the draft of the record. `rehearsal`: one with test ballots, whatever the plan says.

    Raises `ConfigError` with a sentence for each rule that the plan breaks.
    """
    election = Election(
        version=VERSION,
        title=plan.title,
        description=plan.description,
        group=plan.group,
        polls=plan.polls,
        administrator=ElectionParty(name=plan.administrator, identity=Hex(administrator)),
        credential_authority=_party("credential_authority", plan.credential_authority),
        board=_party("board", plan.board),
        trustees=tuple(_trustee(number, each) for number, each in enumerate(plan.trustees)),
        threshold=plan.threshold,
        key_commitments=(),
        mixers=tuple(_party(f"mixers[{number}]", each) for number, each in enumerate(plan.mixers)),
        voters=plan.credentials.voters,
        credential_root=_hex("credentials.credential_root", plan.credentials.credential_root),
        salt=_hex("credentials.salt", plan.credentials.salt),
        opens_at=_seconds("opens_at", plan.opens_at),
        closes_at=_seconds("closes_at", plan.closes_at),
        codes_erased_by=_seconds("codes_erased_by", plan.codes_erased_by),
        counts_only=plan.counts_only,
        rehearsal=plan.rehearsal or rehearsal,
    )
    faults = listed_faults(election, group)
    if faults:
        raise ConfigError("the plan of the election breaks its rules: " + "; ".join(map(str, faults)))
    return election


def _party(field: str, party: _PlannedParty) -> ElectionParty:
    return ElectionParty(name=party.name, identity=_hex(f"{field}.identity", party.identity))


def _trustee(number: int, trustee: _PlannedTrustee) -> TrusteeParty:
    return TrusteeParty(
        name=trustee.name,
        identity=_hex(f"trustees[{number}].identity", trustee.identity),
        encryption_key=_hex(f"trustees[{number}].encryption_key", trustee.encryption_key),
        public_share=Hex(),
    )


def _hex(field: str, digits: str) -> Hex:
    try:
        return Hex(bytes.fromhex(digits))
    except ValueError:
        raise ConfigError(f"{field}: expected hexadecimal digits, two for each byte") from None


def _seconds(field: str, moment: datetime) -> int:
    if moment.tzinfo is None:
        # Everybody would read it in a time zone of their own.
        raise ConfigError(f"{field}: a date needs an offset, such as {moment.isoformat()}+01:00")
    return int(moment.timestamp())
