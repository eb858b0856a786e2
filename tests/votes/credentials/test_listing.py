from __future__ import annotations

import random

import pytest

from loopixmix.errors import FormatError
from loopixmix.group.ristretto import ristretto255
from votes.credentials.listing import CredentialList
from votes.record.merkle import leaf_hash, proves_inclusion

GROUP = ristretto255()
COLUMN = GROUP.generator.times(GROUP.random_scalars(random.Random(1), 9)).encode()
CREDENTIALS = [COLUMN[at : at + 32] for at in range(0, len(COLUMN), 32)]


def test_the_list_is_ordered_and_each_credential_is_proved_by_its_path() -> None:
    made = CredentialList.of(CREDENTIALS, 32)
    made.check_members(GROUP)
    assert made.data == b"".join(sorted(CREDENTIALS))
    for credential in CREDENTIALS:
        index = made.index(credential)
        assert index is not None
        assert proves_inclusion(leaf_hash(credential), index, len(made), made.path(index), made.root)
        assert credential in made
    assert bytes(32) not in made
    assert b"\xff" * 32 not in made


def test_a_credential_twice_or_out_of_order_is_refused() -> None:
    with pytest.raises(FormatError, match="twice"):
        CredentialList.of([*CREDENTIALS, CREDENTIALS[3]], 32)
    with pytest.raises(FormatError, match="out of order"):
        CredentialList(b"".join(sorted(CREDENTIALS)[::-1]), 32)
    with pytest.raises(FormatError, match="33 bytes"):
        CredentialList(CREDENTIALS[0] + b"\0", 32)


def test_what_is_no_element_is_found() -> None:
    with pytest.raises(FormatError, match="credential 9 is no element"):
        CredentialList.of([*CREDENTIALS, b"\xff" * 32], 32).check_members(GROUP)
    with pytest.raises(FormatError, match="credential 0 is the neutral element"):
        CredentialList.of([*CREDENTIALS, bytes(32)], 32).check_members(GROUP)


def test_a_list_may_be_empty() -> None:
    empty = CredentialList(b"", 32)
    assert len(empty) == 0
    assert bytes(32) not in empty
