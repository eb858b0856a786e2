from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from loopixmix.errors import FormatError, MisuseError, PeerError
from loopixmix.group.ristretto import ristretto255
from votes.trustees.generation import Ceremony
from votes.trustees.sealing import open_share, seal_share

CEREMONY = Ceremony(ristretto255(), b"d" * 32, trustees=3, threshold=2)
KEY = X25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = KEY.public_key().public_bytes_raw()
SHARE = b"s" * 32


def test_the_recipient_opens_what_was_sealed() -> None:
    sealed = seal_share(CEREMONY, 1, 2, PUBLIC, SHARE)
    assert SHARE not in sealed
    assert open_share(CEREMONY, 1, 2, KEY.private_bytes_raw(), sealed) == SHARE


def test_a_share_opens_only_as_what_it_was_sealed_for() -> None:
    sealed = seal_share(CEREMONY, 1, 2, PUBLIC, SHARE)
    other = Ceremony(ristretto255(), b"e" * 32, trustees=3, threshold=2)
    for ceremony, author, recipient, key in (
        (CEREMONY, 3, 2, KEY.private_bytes_raw()),
        (CEREMONY, 1, 3, KEY.private_bytes_raw()),
        (other, 1, 2, KEY.private_bytes_raw()),
        (CEREMONY, 1, 2, b"l" * 32),
    ):
        with pytest.raises(PeerError, match="not sealed to trustee"):
            open_share(ceremony, author, recipient, key, sealed)


def test_an_altered_share_does_not_open() -> None:
    sealed = bytearray(seal_share(CEREMONY, 1, 2, PUBLIC, SHARE))
    sealed[40] ^= 1
    with pytest.raises(PeerError, match="altered"):
        open_share(CEREMONY, 1, 2, KEY.private_bytes_raw(), bytes(sealed))


def test_another_length_is_refused() -> None:
    with pytest.raises(FormatError, match="80 bytes, not 79"):
        open_share(CEREMONY, 1, 2, KEY.private_bytes_raw(), b"\0" * 79)


def test_a_key_of_low_order_is_refused() -> None:
    for key in (b"\0" * 32, b"short"):
        with pytest.raises(MisuseError, match="encryption key of trustee 2"):
            seal_share(CEREMONY, 1, 2, key, SHARE)
