from __future__ import annotations

import random
import stat
import threading
from pathlib import Path

import pytest

from loopixmix.errors import StoreError
from loopixmix.tokens import TokenKey
from loopixmix.tokens.keyfile import read_public_keys
from loopixmix.tokens.keys import key_faults
from loopixmix.tokens.signing import generate_key
from provider.tokens import keys as keys_module
from provider.tokens.keys import PUBLIC_FILE, IssuerKeys
from tests.worlds.tokens import private_key

HOUR_S = 3600
NOW_S = 100.5 * HOUR_S


def issuer(directory: Path, *purposes: str, period_s: int = HOUR_S) -> IssuerKeys:
    return IssuerKeys(directory, purposes=purposes or ("guest",), period_s=period_s, rng=random.Random(1))


def periods(keys: tuple[TokenKey, ...]) -> list[tuple[str, float]]:
    return [(key.purpose, key.begins_s / HOUR_S) for key in keys]


def test_keys_are_made_for_this_period_and_the_next(tmp_path: Path) -> None:
    keys = issuer(tmp_path, "guest", "answer").refresh(NOW_S)
    assert periods(keys) == [("answer", 100), ("answer", 101), ("guest", 100), ("guest", 101)]
    assert list(key_faults(keys)) == []
    assert read_public_keys(tmp_path / PUBLIC_FILE) == keys


def test_keys_survive_a_restart_and_are_not_made_twice(tmp_path: Path) -> None:
    first = issuer(tmp_path)
    keys = first.refresh(NOW_S)
    again = issuer(tmp_path)
    assert first.refresh(NOW_S) == again.refresh(NOW_S) == keys
    for key in keys:
        found = again.signer(key.key_id, NOW_S)
        assert found is not None
        assert (found[0], found[1].public) == (key, key.public)


def test_a_key_that_another_object_made_is_found(tmp_path: Path) -> None:
    service = issuer(tmp_path)
    (_, following) = service.refresh(NOW_S)
    made = issuer(tmp_path).refresh(NOW_S + HOUR_S)
    assert service.refresh(NOW_S + HOUR_S) == made
    assert made[0] == following


def test_two_objects_that_make_keys_at_the_same_time_have_the_same_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider and its issuer, after a long sleep: the second begins while the first makes its key."""
    first, second = issuer(tmp_path), issuer(tmp_path)
    made: list[tuple[TokenKey, ...]] = []
    other = threading.Thread(target=lambda: made.append(second.refresh(NOW_S)))

    def generate_late() -> bytearray:
        private = generate_key()
        if threading.current_thread() is not other and not other.ident:
            other.start()
            other.join(1.0)  # it waits for us, or it is done
        return private

    monkeypatch.setattr(keys_module, "generate_key", generate_late)
    keys = first.refresh(NOW_S)
    other.join()
    assert made == [keys]
    assert read_public_keys(tmp_path / PUBLIC_FILE) == keys
    for key in keys:
        assert first.signer(key.key_id, NOW_S) is not None
        assert second.signer(key.key_id, NOW_S) is not None


def test_a_key_is_erased_when_its_period_ends(tmp_path: Path) -> None:
    keys = issuer(tmp_path)
    old, following = keys.refresh(NOW_S)
    assert keys.signer(old.key_id, 101.0 * HOUR_S) is None
    assert [key.begins_s // HOUR_S for key in keys.refresh(101.0 * HOUR_S)] == [101, 102]
    assert keys.signer(old.key_id, NOW_S) is None
    assert keys.signer(following.key_id, NOW_S) is not None
    assert sorted(path.name for path in tmp_path.glob("*.pkcs8")) == [
        "guest.363600-367200.pkcs8",
        "guest.367200-370800.pkcs8",
    ]


def test_the_length_of_periods_may_change_and_they_still_do_not_overlap(tmp_path: Path) -> None:
    issuer(tmp_path).refresh(NOW_S)
    keys = issuer(tmp_path, period_s=5 * HOUR_S).refresh(NOW_S)
    assert list(key_faults(keys)) == []
    assert periods(keys) == [("guest", 100), ("guest", 101), ("guest", 105)]


def test_private_keys_are_private_and_public_ones_are_not(tmp_path: Path) -> None:
    issuer(tmp_path).refresh(NOW_S)
    modes = {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {".pkcs8": 0o600, ".keys": 0o644, ".lock": 0o600}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("guest.0-7200.pkcs8", b"no key"),
        ("Guest.0-7200.pkcs8", None),
        ("guest.7200-0.pkcs8", None),
        ("guest.soon-later.pkcs8", None),
        ("guest.pkcs8", None),
    ],
)
def test_a_file_that_is_no_key_is_named(tmp_path: Path, name: str, data: bytes | None) -> None:
    (tmp_path / name).write_bytes(private_key() if data is None else data)
    with pytest.raises(StoreError, match="no key of a token issuer"):
        issuer(tmp_path).refresh(NOW_S)
