from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from loopixmix.store.commits import SharedCommits
from loopixmix.store.transactions import Store
from loopixmix.tokens import PendingToken, TokenKey, begin_token, finish_token, verify_token
from loopixmix.tokens.exchange import encode_issue_request, split_messages
from provider.api import ServiceRefusedError
from provider.tokens.issuing import Issuing, erase_issued
from provider.tokens.keys import IssuerKeys
from provider.tokens.store import issued

HOUR_S = 3600
NOW_S = 100.5 * HOUR_S


class Voters:
    """Everybody whose credential begins with "voter" may have two tokens of each key."""

    def allowed(self, connection: Connection, credential: bytes, key: TokenKey, now_s: float) -> int:
        return 2 if credential.startswith(b"voter") else 0


class Issuer:
    """An issuer with a key for this hour and one for the next."""

    def __init__(self, directory: Path, store: Store) -> None:
        self.keys = IssuerKeys(directory / "keys", purposes=["guest"], period_s=HOUR_S, rng=random.Random(1))
        self.key, self.next_key = self.keys.refresh(NOW_S)
        self.store = store
        self.issuing = Issuing(keys=self.keys, credentials=Voters(), commits=SharedCommits(store))
        self.rng = random.Random(2)

    def begin(self, count: int, key: TokenKey | None = None) -> list[PendingToken]:
        return [begin_token(key or self.key, self.rng) for _ in range(count)]

    def ask(self, pending: list[PendingToken], credential: bytes = b"voter", now_s: float = NOW_S) -> bytes:
        key = pending[0].key
        return self.issuing.issue(encode_issue_request(key, credential, [p.blinded for p in pending]), now_s)

    @property
    def counted(self) -> int:
        return self.store.read(lambda c: c.execute(select(func.count()).select_from(issued)).scalar_one())


@pytest.fixture
def issuer(tmp_path: Path, token_store: Store) -> Issuer:
    return Issuer(tmp_path, token_store)


def test_a_holder_of_a_credential_gets_tokens(issuer: Issuer) -> None:
    pending = issuer.begin(2)
    signatures = split_messages(issuer.ask(pending), issuer.key)
    for each, signature in zip(pending, signatures, strict=True):
        verify_token(finish_token(each, signature), issuer.key, NOW_S)


def test_tokens_of_the_next_period_can_be_had_ahead(issuer: Issuer) -> None:
    assert len(issuer.ask(issuer.begin(2, issuer.next_key))) == 512
    # Each key has a count of its own.
    assert len(issuer.ask(issuer.begin(2))) == 512


def test_the_same_request_gets_the_same_answer_and_counts_once(issuer: Issuer) -> None:
    pending = issuer.begin(2)
    assert issuer.ask(pending) == issuer.ask(pending) == issuer.ask(pending)
    assert issuer.counted == 2
    # Also after a restart, and message by message.
    issuer.issuing = Issuing(keys=issuer.keys, credentials=Voters(), commits=SharedCommits(issuer.store))
    assert issuer.ask(pending[:1]) + issuer.ask(pending[1:]) == issuer.ask(pending)
    assert issuer.counted == 2


def test_no_more_tokens_are_signed_than_a_credential_is_good_for(issuer: Issuer) -> None:
    with pytest.raises(ServiceRefusedError):
        issuer.ask(issuer.begin(3))
    first = issuer.begin(1)
    issuer.ask(first)
    with pytest.raises(ServiceRefusedError):
        issuer.ask(issuer.begin(2))
    with pytest.raises(ServiceRefusedError):
        issuer.ask([*first, *issuer.begin(2)])
    issuer.ask([*first, *issuer.begin(1)])
    with pytest.raises(ServiceRefusedError):
        issuer.ask(issuer.begin(1))
    assert issuer.counted == 2
    # Another credential has its own count, and what one has had signed is not free for another.
    issuer.ask(first, b"voter 2")
    assert issuer.counted == 3


def test_nothing_is_signed_for_strangers_or_under_other_keys(issuer: Issuer) -> None:
    pending = issuer.begin(1)
    reasons = set()
    good = encode_issue_request(issuer.key, b"voter", [pending[0].blinded])
    requests = {
        "a stranger": (good.replace(b"voter", b"vatar"), NOW_S),
        "an unknown key": (good[:1] + bytes(32) + good[33:], NOW_S),
        "after the period": (good, 101.0 * HOUR_S),
        "not whole": (good[:-1], NOW_S),
        "not below the modulus": (good[:-256] + b"\xff" * 256, NOW_S),
        "no request": (b"", NOW_S),
    }
    for body, now_s in requests.values():
        with pytest.raises(ServiceRefusedError) as caught:
            issuer.issuing.issue(body, now_s)
        reasons.add(str(caught.value))
    assert len(reasons) == 1
    assert issuer.counted == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(max_size=400))
def test_other_bytes_are_refused(issuer: Issuer, body: bytes) -> None:
    with pytest.raises(ServiceRefusedError):
        issuer.issuing.issue(body, NOW_S)


def test_what_was_issued_is_forgotten_when_the_period_ends(issuer: Issuer) -> None:
    issuer.ask(issuer.begin(2))
    issuer.ask(issuer.begin(1, issuer.next_key))
    issuer.store.write(lambda connection: erase_issued(connection, issuer.key.ends_s - 1.0))
    assert issuer.counted == 3
    issuer.store.write(lambda connection: erase_issued(connection, float(issuer.key.ends_s)))
    assert issuer.counted == 1


def test_the_store_has_neither_credential_nor_message(issuer: Issuer) -> None:
    (pending,) = issuer.begin(1)
    issuer.ask([pending], b"voter Alice")
    (row,) = issuer.store.read(lambda connection: connection.execute(select(issued)).all())
    assert b"Alice" not in row.holder
    assert row.message not in pending.blinded
