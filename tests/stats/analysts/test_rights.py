"""The rights of analysts as words."""

from __future__ import annotations

import pytest

from loopixmix.errors import MisuseError
from stats.analysts.rights import AnalystRight, decode_rights, encode_rights


def test_rights_come_back_from_their_words() -> None:
    for rights in (set(), {AnalystRight.SEE}, set(AnalystRight)):
        assert decode_rights(encode_rights(rights)) == rights
    assert encode_rights([AnalystRight.SPEND, AnalystRight.SEE]) == "see,spend"
    assert decode_rights(" see , export") == {AnalystRight.SEE, AnalystRight.EXPORT}


def test_a_word_that_is_no_right_is_refused() -> None:
    with pytest.raises(MisuseError, match=r"'delete' is no right of an analyst \(there are: see, export, spend\)"):
        decode_rights("see,delete")
