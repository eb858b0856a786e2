from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import select

from loopixmix.store.transactions import Store
from provider.tokens.codes import CodeList, add_code, make_codes
from provider.tokens.store import codes, open_token_store
from tests.worlds.tokens import token_key

KEY = token_key()
DAY_S = 86_400


def test_a_code_is_good_for_its_tokens_until_its_last_day(token_store: Store) -> None:
    code = token_store.write(lambda c: add_code(c, tokens=3, last_day=10, rng=random.Random(1)))
    days = (0, 10, 11)
    allowed = [token_store.read(lambda c, d=d: CodeList().allowed(c, code.encode(), KEY, d * DAY_S)) for d in days]  # type: ignore[misc]
    assert allowed == [3, 3, 0]


@pytest.mark.parametrize("credential", [b"", b"ABCDE-FGHIJ", b"\xff", "Ünicode".encode()])
def test_an_unknown_code_is_good_for_nothing(token_store: Store, credential: bytes) -> None:
    token_store.write(lambda c: add_code(c, tokens=3, last_day=10, rng=random.Random(1)))
    assert token_store.read(lambda c: CodeList().allowed(c, credential, KEY, 0.0)) == 0


def test_codes_are_kept_as_hashes_beside_the_running_issuer(tmp_path: Path) -> None:
    made = make_codes(tmp_path, tokens=2, last_day=5, count=3, rng=random.Random(1))
    assert len(set(made)) == 3
    store = open_token_store(tmp_path / "services" / "issuer")
    kept = store.read(lambda c: c.execute(select(codes)).all())
    store.close()
    assert [(row.tokens, row.last_day) for row in kept] == [(2, 5)] * 3
    for code in made:
        assert all(code.encode() not in row.code_hash for row in kept)
        assert code.encode() not in (tmp_path / "services" / "issuer" / "tokens.sqlite3").read_bytes()
