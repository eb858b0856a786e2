from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from loopixmix.errors import StoreError
from loopixmix.group.ristretto import ristretto255
from votes.ballot.ciphertexts import Ciphertexts, Pair
from votes.trustees.decryption import DecryptionStatement
from votes.trustees.generation import JointKey
from votes.trustees.guard import OtherListError, commit_to_list, list_digest

GROUP = ristretto255()
LIST = Ciphertexts((Pair(GROUP.join([GROUP.generator, GROUP.identity]), GROUP.join([GROUP.identity] * 2)),))
STATEMENT = DecryptionStatement(GROUP, b"f" * 32, 0, LIST, JointKey(GROUP, GROUP.generator))


def test_the_same_list_may_be_decrypted_again(tmp_path: Path) -> None:
    commit_to_list(tmp_path, STATEMENT)
    commit_to_list(tmp_path, STATEMENT)


def test_another_list_of_the_poll_never_is(tmp_path: Path) -> None:
    commit_to_list(tmp_path, STATEMENT)
    for other in (LIST.take([1, 0]), LIST.take([0])):
        with pytest.raises(OtherListError, match="not the list that was decrypted before"):
            commit_to_list(tmp_path, replace(STATEMENT, ciphertexts=other))


def test_what_stands_for_a_list_covers_all_of_it() -> None:
    [pair] = LIST.pairs
    others = [
        replace(STATEMENT, fingerprint=b"g" * 32),
        replace(STATEMENT, poll=1),
        *(replace(STATEMENT, ciphertexts=LIST.take(rows)) for rows in ([1, 0], [0], [0, 1, 1], [])),
        replace(STATEMENT, ciphertexts=Ciphertexts((Pair(pair.a, GROUP.join([GROUP.generator] * 2)),))),
        replace(STATEMENT, ciphertexts=Ciphertexts((Pair(pair.b, pair.b),))),
        replace(STATEMENT, ciphertexts=Ciphertexts((pair, pair))),
    ]
    assert len({list_digest(each) for each in (STATEMENT, *others)}) == len(others) + 1


def test_other_polls_and_elections_have_lists_of_their_own(tmp_path: Path) -> None:
    commit_to_list(tmp_path, STATEMENT)
    commit_to_list(tmp_path, replace(STATEMENT, poll=1, ciphertexts=LIST.take([0])))
    commit_to_list(tmp_path, replace(STATEMENT, fingerprint=b"g" * 32, ciphertexts=LIST.take([0])))


def test_nothing_is_decrypted_if_it_cannot_be_written_down(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        commit_to_list(tmp_path / "missing", STATEMENT)
