from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopixmix.store.commits import SharedCommits
from loopixmix.store.transactions import Store
from loopixmix.tokens import encode_token
from loopixmix.tokens import redeeming as module
from loopixmix.tokens.redeeming import FixedKeys, Redeeming
from provider.tokens.store import SPENT, open_token_store
from tests.worlds.tokens import ENDS_S, new_token, token_key

KEY, MAIL = token_key(0), token_key(1, purpose="mail")
NOW_S = 1_500_000.0


class Redeemer:
    """A redeemer for guests."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.commits = SharedCommits(store)
        self.redeeming = Redeeming(FixedKeys([KEY]), SPENT)

    def take(self, data: bytes, now_s: float = NOW_S) -> bool:
        checked = self.redeeming.check(data, now_s)
        return self.commits.write(lambda connection: self.redeeming.spend(connection, checked))


@pytest.fixture
def token_store(tmp_path: Path) -> Iterator[Store]:
    store = open_token_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def redeemer(token_store: Store) -> Redeemer:
    return Redeemer(token_store)


def test_a_token_is_taken_once(redeemer: Redeemer) -> None:
    one, other = (encode_token(new_token(KEY, random.Random(number))) for number in (1, 2))
    assert [redeemer.take(data) for data in (one, one, other, other, one)] == [True, False, True, False, False]


def test_a_token_is_taken_once_by_many_threads(redeemer: Redeemer) -> None:
    tokens = [encode_token(new_token(KEY, random.Random(number))) for number in range(10)]
    with ThreadPoolExecutor(20) as pool:
        taken = list(pool.map(redeemer.take, tokens * 10))
    assert sum(taken) == 10


def test_every_bad_token_is_refused(redeemer: Redeemer) -> None:
    good = encode_token(new_token(KEY, random.Random(1)))
    mail = encode_token(new_token(MAIL, random.Random(2), 1))
    bad = {
        "forged": good[:-1] + bytes([good[-1] ^ 1]),
        "of another purpose": mail,
        "of an unknown key": good[:1] + bytes(32) + good[33:],
        "malformed": good[:-1],
        "empty": b"",
    }
    assert {name: redeemer.take(data) for name, data in bad.items()} == dict.fromkeys(bad, False)
    assert not redeemer.take(good, ENDS_S)
    assert not redeemer.take(good, 0.0)
    assert redeemer.take(good)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(max_size=400))
def test_other_bytes_are_refused(redeemer: Redeemer, data: bytes) -> None:
    assert not redeemer.take(data)


def test_a_bad_token_takes_as_much_work_as_a_good_one(redeemer: Redeemer, monkeypatch: pytest.MonkeyPatch) -> None:
    checks: list[bytes] = []
    verify = module.verify_token
    monkeypatch.setattr(module, "verify_token", lambda *args: (checks.append(b""), verify(*args)))
    good = encode_token(new_token(KEY, random.Random(1)))
    for data in (good, good, good[:-1], b"", good[:1] + bytes(32) + good[33:]):
        redeemer.take(data)
    assert len(checks) == 5


def test_without_a_key_nothing_is_taken(token_store: Store) -> None:
    redeemer = Redeemer(token_store)
    redeemer.redeeming = Redeeming(FixedKeys(()), SPENT)
    assert not redeemer.take(encode_token(new_token(KEY, random.Random(1))))


def test_spent_tokens_are_forgotten_with_their_period(redeemer: Redeemer) -> None:
    token = encode_token(new_token(KEY, random.Random(1)))
    assert redeemer.take(token)
    redeemer.commits.write(lambda connection: redeemer.redeeming.erase_old(connection, float(ENDS_S)))
    # Nobody can spend it again on a clock that was set back.
    assert not redeemer.take(token)
    assert not redeemer.take(encode_token(new_token(KEY, random.Random(2))))


def test_a_token_is_spent_only_if_the_transaction_is(redeemer: Redeemer) -> None:
    token = encode_token(new_token(KEY, random.Random(1)))
    checked = redeemer.redeeming.check(token, NOW_S)

    def spend_and_fail(connection) -> None:  # type: ignore[no-untyped-def]
        assert redeemer.redeeming.spend(connection, checked)
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        redeemer.store.write(spend_and_fail)
    assert redeemer.take(token)
