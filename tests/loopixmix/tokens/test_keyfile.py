"""A key set in a file is read as it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopixmix.errors import StoreError
from loopixmix.tokens import encode_key_set
from loopixmix.tokens.keyfile import KeyFile, read_public_keys
from tests.worlds.tokens import token_key


def test_a_redeemer_sees_the_keys_of_its_purpose_as_they_change(tmp_path: Path) -> None:
    path = tmp_path / "public.keys"
    file = KeyFile(path, "guest")
    assert file.keys() == {}
    first, other = token_key(0), token_key(1, purpose="mail")
    path.write_bytes(encode_key_set([first, other]))
    assert file.keys() == {first.key_id: first}
    second = token_key(2)
    replacement = tmp_path / "new"
    replacement.write_bytes(encode_key_set([second]))
    replacement.replace(path)
    assert file.keys() == {second.key_id: second}
    path.unlink()
    assert file.keys() == {}


def test_a_damaged_key_set_is_named(tmp_path: Path) -> None:
    path = tmp_path / "public.keys"
    path.write_bytes(b"damaged")
    with pytest.raises(StoreError, match=r"public\.keys"):
        KeyFile(path, "guest").keys()
    assert read_public_keys(tmp_path / "none") == ()
