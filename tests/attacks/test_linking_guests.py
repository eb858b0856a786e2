"""A provider, which may also be the issuer of the tokens, tries to tell who its guests are."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import text

from loopixmix.errors import FormatError
from loopixmix.requests.names import LookUp, encode_keys_request
from loopixmix.tokens import PendingToken, Token, begin_token, encode_token, finish_token, spent_hash
from loopixmix.tokens.redeeming import FixedKeys, Redeeming
from loopixmix.wire import Registered
from provider.accounts import GuestMode, RegistrationRules
from provider.clients.guests import Guests
from provider.store import MailStore
from provider.store.guests import in_place_of_name
from provider.store.schema import SPENT
from provider.tokens.gate import StoredGate
from tests.worlds.mailboxes.mailstores import WRITE_S, StoreWorld
from tests.worlds.tokens import BEGINS_S, signer_of, token_key

KEY = token_key()
GUESTS = 20


class World(StoreWorld):
    """A provider that takes a token of every guest, with all that its issuer has seen."""

    def __init__(self, path: Path) -> None:
        super().__init__(MailStore(f"sqlite:///{path}"), account=False)
        self.path = path
        self.clock.advance(BEGINS_S + 86_400)
        rng = random.Random(5)
        gate = StoredGate(Redeeming(FixedKeys([KEY]), SPENT), access=self.access, clock=self.clock)
        rules = RegistrationRules(guests=GuestMode.TOKEN, guest_burst=GUESTS)
        self.guests = Guests(access=self.access, rules=rules, gate=gate, clock=self.clock, rng=rng)
        self.signed: list[tuple[PendingToken, bytes]] = []
        self.spent: list[Token] = []
        self.identities = [rng.randbytes(32) for _ in range(GUESTS)]
        for identity in self.identities:
            self.open(identity, rng)

    def open(self, identity: bytes, rng: random.Random) -> None:
        pending = begin_token(KEY, rng)
        [signature] = signer_of().sign_many([pending.blinded])
        self.signed.append((pending, signature))
        token = finish_token(pending, signature)
        self.spent.append(token)
        answers: list[object] = []
        self.guests.enrol(identity, encode_token(token)).addCallback(answers.append)
        # Who asks is read first, and the account is written afterwards.
        for _ in range(2):
            self.clock.advance(WRITE_S)
        assert answers == [Registered()]

    def disk(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.path.parent.iterdir())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "mail.sqlite3")


def test_nothing_on_the_disk_is_what_the_issuer_saw_or_the_guest_spent(world: World) -> None:
    """Search the provider's disk for every token, whole or in parts, and for all that passed the issuer."""
    disk = world.disk()
    assert all(identity in disk for identity in world.identities)  # the search finds what is there
    assert all(spent_hash(token) in disk for token in world.spent)
    for token, (pending, signature) in zip(world.spent, world.signed, strict=True):
        for secret in (token.prefix, token.signature, pending.blinded, pending.inverse, signature):
            assert secret not in disk


def test_the_order_on_the_disk_does_not_match_guests_and_tokens(world: World) -> None:
    """Guess that the tokens stand in the order in which guests came: they stand in the order of their hashes."""
    hashes, came = world.store.read(
        lambda connection: (
            [row.token for row in connection.execute(text("SELECT token FROM spent_tokens"))],
            [
                row.identity
                for row in connection.execute(text("SELECT identity FROM accounts WHERE guest_day > 0 ORDER BY id"))
            ],
        )
    )
    assert came == world.identities
    assert hashes == sorted(spent_hash(token) for token in world.spent)
    hits = sum(spent_hash(token) == stored for token, stored in zip(world.spent, hashes, strict=True))
    # One by chance on average; the keys differ from run to run, and 9 or more come once in a million runs.
    assert hits < 9


def test_a_guest_cannot_even_be_asked_for(world: World) -> None:
    """Ask the keys service for what stands in place of the guest's name: it is no name, and so no request."""
    with pytest.raises(FormatError):
        encode_keys_request(LookUp(in_place_of_name(world.identities[0])))
