from __future__ import annotations

import pytest

from loopixmix.errors import FormatError
from loopixmix.group.ristretto import ristretto255
from tests.worlds.elections import changed, new_election
from votes.record.election import encode_election
from votes.record.rules.reading import decode_election

GROUP = ristretto255()
WORLD = new_election(GROUP)


def test_a_record_is_read_if_no_rule_is_broken() -> None:
    assert decode_election(WORLD.record, GROUP) == WORLD.election
    broken = encode_election(changed(WORLD.election, threshold=9, title=""))
    with pytest.raises(FormatError, match=r"title has 0 characters.*; threshold is 9; allowed is 1 to 3"):
        decode_election(broken, GROUP)
