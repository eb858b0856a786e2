from __future__ import annotations

import hashlib

import pytest

from loopixmix.group.group import Group
from loopixmix.group.ristretto import engine_names, ristretto255
from votes.credentials.codes import code_of
from votes.credentials.derivation import credentials_of, secrets_of

SALT = bytes(range(16))
CODES = [code_of(bytes([number] * 15)) for number in range(3)]


@pytest.fixture(params=engine_names())
def group(request: pytest.FixtureRequest) -> Group:
    try:
        return ristretto255(request.param)
    except ImportError:
        pytest.skip("this installation has no such engine")


def by_the_page(salt: bytes, code: str, order: int) -> int:
    items = (b"loopixmix-votes-1/credential", salt, code.encode())
    absorbed = b"".join(len(item).to_bytes(8, "big") + item for item in items)
    return int.from_bytes(hashlib.shake_256(absorbed).digest(64), "little") % order


def test_the_secret_is_that_of_the_page(group: Group) -> None:
    secrets = secrets_of(group, SALT, CODES)
    assert secrets.numbers() == [by_the_page(SALT, code, group.order) for code in CODES]
    assert credentials_of(group, secrets) == group.generator.times(secrets)


def test_another_election_has_other_credentials(group: Group) -> None:
    assert secrets_of(group, bytes(16), CODES[:1]) != secrets_of(group, SALT, CODES[:1])
