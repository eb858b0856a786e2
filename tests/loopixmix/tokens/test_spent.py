from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, MetaData, create_engine, text

from loopixmix.tokens import BadTokenError
from loopixmix.tokens.spent import SpentTokens
from tests.worlds.databases import SQLITE_AND_POSTGRES, new_database
from tests.worlds.tokens import ENDS_S, new_token, token_key

KEY = token_key()
NEXT = token_key(1, begins_s=ENDS_S, ends_s=3_000_000)
NOW_S = 1_500_000.0
METADATA = MetaData()
SPENT = SpentTokens(METADATA)


@pytest.fixture(params=SQLITE_AND_POSTGRES)
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    database = create_engine(new_database(request.param, tmp_path))
    METADATA.create_all(database)
    with database.begin() as connection:
        yield connection
    database.dispose()


def rows(connection: Connection) -> list[bytes]:
    return [bytes(token) for token in connection.execute(text("SELECT token FROM spent_tokens")).scalars()]


def test_a_token_is_spent_once(connection: Connection) -> None:
    token, other = (new_token(KEY, random.Random(number)) for number in (1, 2))
    SPENT.spend(connection, token, KEY, NOW_S)
    with pytest.raises(BadTokenError):
        SPENT.spend(connection, token, KEY, NOW_S)
    SPENT.spend(connection, other, KEY, NOW_S)
    assert len(rows(connection)) == 2


def test_a_token_that_does_not_count_is_not_put_in(connection: Connection) -> None:
    token = new_token(KEY, random.Random(1))
    for now_s, key in ((float(ENDS_S), KEY), (0.0, KEY), (NOW_S, token_key(1))):
        with pytest.raises(BadTokenError):
            SPENT.spend(connection, token, key, now_s)
    assert rows(connection) == []


def test_every_refusal_is_the_same(connection: Connection) -> None:
    token, never = new_token(KEY, random.Random(1)), new_token(KEY, random.Random(2))
    SPENT.spend(connection, token, KEY, NOW_S)
    reasons = set()
    for bad, key, now_s in ((token, KEY, NOW_S), (never, KEY, 3e6), (never, NEXT, NOW_S), (never, NEXT, 2_500_000.0)):
        with pytest.raises(BadTokenError) as caught:
            SPENT.spend(connection, bad, key, now_s)
        reasons.add(str(caught.value))
    assert len(reasons) == 1


def test_nothing_that_is_kept_is_in_the_token(connection: Connection) -> None:
    token = new_token(KEY, random.Random(1))
    SPENT.spend(connection, token, KEY, NOW_S)
    (kept,) = rows(connection)
    assert kept not in (token.prefix, token.signature[:32], token.key_id)


def test_a_period_that_ended_is_erased_and_never_comes_back(connection: Connection) -> None:
    token, unspent = (new_token(KEY, random.Random(number)) for number in (1, 2))
    later = new_token(NEXT, random.Random(3), 1)
    SPENT.spend(connection, token, KEY, NOW_S)
    SPENT.erase_old(connection, ENDS_S - 1)
    assert len(rows(connection)) == 1
    SPENT.erase_old(connection, float(ENDS_S))
    assert rows(connection) == []
    # The clock is set back: the record of spending is gone, so nothing of that period counts.
    for each in (token, unspent):
        with pytest.raises(BadTokenError):
            SPENT.spend(connection, each, KEY, NOW_S)
    SPENT.spend(connection, later, NEXT, 2_500_000.0)


def test_a_clock_that_ran_ahead_does_not_end_the_periods_to_come(connection: Connection) -> None:
    SPENT.spend(connection, new_token(KEY, random.Random(1)), KEY, NOW_S)
    SPENT.erase_old(connection, 1e9)
    SPENT.erase_old(connection, 1e9)
    SPENT.spend(connection, new_token(NEXT, random.Random(2), 1), NEXT, 2_500_000.0)
