"""Elections for tests: a record with all that belongs to it, and the private keys of its parties."""

from __future__ import annotations

import random
from dataclasses import dataclass

import msgspec
from nacl.public import PrivateKey

from loopixmix.group.group import Group, Scalars
from votes.record.canonical import Hex
from votes.record.election import VERSION, Election, ElectionParty, TrusteeParty, encode_election
from votes.record.fingerprint import fingerprint_of
from votes.record.merkle import EMPTY_ROOT
from votes.record.polls import ChoosePoll, Poll, YesNoPoll
from votes.record.signing import PartyKey
from votes.record.trustees import sign_approval

OPENS_AT, CLOSES_AT, ERASED_BY = 1_800_000_000, 1_800_086_400, 1_800_600_000
SALT = bytes(range(16))
CHOOSE = ChoosePoll(
    id="board",
    title="Board",
    question="Who is to be on the board?",
    blank=True,
    method="most-votes",
    seats=1,
    options=("Ada", "Ben", "Cleo"),
    least=1,
    most=2,
)
YES_NO = YesNoPoll(
    id="trees", title="Trees", question="", blank=False, method="majority", seats=1, options=("Yes", "No")
)


@dataclass(frozen=True)
class PartyKeys:
    """The private keys of all parties."""

    administrator: PartyKey
    credential_authority: PartyKey
    board: PartyKey
    trustees: tuple[PartyKey, ...]
    mixers: tuple[PartyKey, ...]


@dataclass(frozen=True)
class ElectionWorld:
    """An election with its keys. `coefficients`: of the key of the election; nobody knows them really."""

    election: Election
    keys: PartyKeys
    coefficients: Scalars

    def approvals(self) -> list[bytes]:
        """Return the trustees' signatures under the record, as bodies of entries."""
        return [sign_approval(self.fingerprint, number, key) for number, key in enumerate(self.keys.trustees, 1)]

    @property
    def secret(self) -> Scalars:
        """The secret key itself."""
        return self.coefficients[:1]

    @property
    def record(self) -> bytes:
        return encode_election(self.election)

    @property
    def fingerprint(self) -> bytes:
        return fingerprint_of(self.record)


def new_election(
    group: Group,
    *,
    seed: int = 1,
    polls: tuple[Poll, ...] = (CHOOSE, YES_NO),
    trustees: int = 3,
    threshold: int = 2,
    mixers: int = 2,
    voters: int = 0,
    credential_root: bytes = EMPTY_ROOT,
    counts_only: bool = False,
) -> ElectionWorld:
    """Make an election whose record is complete."""
    rng = random.Random(seed)
    keys = PartyKeys(
        *(PartyKey.generate(rng) for _ in range(3)),
        trustees=tuple(PartyKey.generate(rng) for _ in range(trustees)),
        mixers=tuple(PartyKey.generate(rng) for _ in range(mixers)),
    )
    coefficients = group.random_scalars(rng, threshold)
    election = Election(
        version=VERSION,
        title="Spring",
        description="The yearly election.",
        group=group.name,
        polls=polls,
        administrator=_party("Administration", keys.administrator),
        credential_authority=_party("Credentials", keys.credential_authority),
        board=_party("Board", keys.board),
        trustees=_trustees(group, coefficients, keys, rng),
        threshold=threshold,
        key_commitments=_encodings(group, coefficients),
        mixers=tuple(_party(f"Mixer {number}", key) for number, key in enumerate(keys.mixers)),
        voters=voters,
        credential_root=Hex(credential_root),
        salt=Hex(SALT),
        opens_at=OPENS_AT,
        closes_at=CLOSES_AT,
        codes_erased_by=ERASED_BY,
        counts_only=counts_only,
        rehearsal=False,
    )
    return ElectionWorld(election, keys, coefficients)


def changed(election: Election, **fields: object) -> Election:
    """Return the election with other values of some fields, right or wrong."""
    return msgspec.structs.replace(election, **fields)


def _party(name: str, key: PartyKey) -> ElectionParty:
    return ElectionParty(name=name, identity=Hex(key.identity))


def _trustees(group: Group, coefficients: Scalars, keys: PartyKeys, rng: random.Random) -> tuple[TrusteeParty, ...]:
    shares = _encodings(group, _secret_shares(group, coefficients, len(keys.trustees)))
    return tuple(
        TrusteeParty(
            name=f"Trustee {number}",
            identity=Hex(key.identity),
            encryption_key=Hex(bytes(PrivateKey(rng.randbytes(32)).public_key)),
            public_share=share,
        )
        for number, (key, share) in enumerate(zip(keys.trustees, shares, strict=True), start=1)
    )


def _secret_shares(group: Group, coefficients: Scalars, count: int) -> Scalars:
    values = [
        sum(each * number**power for power, each in enumerate(coefficients.numbers())) % group.order
        for number in range(1, count + 1)
    ]
    return group.scalars_of(values)


def _encodings(group: Group, secrets: Scalars) -> tuple[Hex, ...]:
    encoded = group.generator.times(secrets).encode()
    size = group.element_bytes
    return tuple(Hex(encoded[at : at + size]) for at in range(0, len(encoded), size))
