from __future__ import annotations

import random

import pytest
from nacl.public import PrivateKey

from loopixmix.errors import MisuseError
from loopixmix.group.ristretto import ristretto255
from tests.worlds.plans import filled_plan
from votes.administration.freezing import ceremony_of, freeze
from votes.administration.planning import draft_of, read_plan
from votes.record.election import draft_digest
from votes.record.signing import PartyKey
from votes.trustees.generation import begin
from votes.trustees.making import KeyMaking, KeyStatements
from votes.trustees.statements import KeyStatement, KeyStep, sign_key_statement

GROUP = ristretto255()


class Trustees:
    """Two trustees who make the key of a draft."""

    def __init__(self, rng: random.Random) -> None:
        self.keys = [PartyKey.generate(rng) for _ in range(2)]
        self.private = [PrivateKey(rng.randbytes(32)) for _ in range(2)]
        lines = [
            {"name": name, "identity": key.identity.hex(), "encryption_key": bytes(private.public_key).hex()}
            for name, key, private in zip(("Ada", "Ben"), self.keys, self.private, strict=True)
        ]
        administrator = PartyKey.generate(rng)
        self.draft = draft_of(read_plan(filled_plan(lines)), administrator.identity, GROUP)
        self.ceremony = ceremony_of(self.draft, GROUP)
        self.parts = [begin(self.ceremony, number, rng) for number in (1, 2)]
        self.statements: list[KeyStatement] = []

    def make_key(self) -> None:
        for _ in range(4):
            for index, part in enumerate(self.parts):
                making = KeyMaking(
                    self.ceremony,
                    part,
                    signing_key=self.keys[index],
                    decryption_key=bytes(self.private[index]),
                    encryption_keys=[bytes(private.public_key) for private in self.private],
                )
                self.statements += making.next_statements(KeyStatements(self.statements))

    def back_up(self, number: int) -> None:
        key = self.keys[number - 1]
        self.statements.append(sign_key_statement(self.ceremony, key, KeyStep.BACKUP, number, b""))

    @property
    def encoded(self) -> list[bytes]:
        return [statement.encode(self.ceremony) for statement in self.statements]


@pytest.fixture
def trustees(rng: random.Random) -> Trustees:
    return Trustees(rng)


def test_a_record_is_frozen_with_the_key_of_all_trustees(trustees: Trustees) -> None:
    trustees.make_key()
    trustees.back_up(1)
    trustees.back_up(2)
    election = freeze(trustees.draft, trustees.encoded, GROUP)
    assert election.title == trustees.draft.title
    assert len(election.key_commitments) == 2
    # Trustees made the key for this draft: the record is still that of it.
    assert draft_digest(election) == draft_digest(trustees.draft)


def test_nothing_is_frozen_before_the_key_is_made(trustees: Trustees) -> None:
    with pytest.raises(MisuseError, match="not made the key yet"):
        freeze(trustees.draft, [], GROUP)


def test_nothing_is_frozen_before_every_backup_was_tried(trustees: Trustees) -> None:
    trustees.make_key()
    trustees.back_up(1)
    with pytest.raises(MisuseError, match="Ben: the backup of the key was not tried"):
        freeze(trustees.draft, trustees.encoded, GROUP)
