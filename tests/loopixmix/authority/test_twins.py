"""Two processes with one identity, as their authority sees them."""

from __future__ import annotations

import random

import msgspec

from loopixmix.authority.twins import ALONE_AFTER, Twins, differ
from loopixmix.keys import MixKey
from tests.worlds.networks.models import NOW_S, model_network

NETWORK = model_network(random.Random(1))
NODE = NETWORK.node("mix11")
FIRST = NODE.descriptor(NETWORK.trust_root.network_id, issued_at_ms=int(NOW_S * 1000))
[(EPOCH, KEY), *_] = FIRST.mix_keys.items()
OTHER_KEY = MixKey(bytes([7]) * 32).public


def test_an_hour_later_a_node_has_a_further_key_and_is_the_same() -> None:
    later = msgspec.structs.replace(FIRST, issued_at_ms=FIRST.issued_at_ms + 1, mix_keys={EPOCH: KEY, EPOCH + 9: KEY})
    assert not differ(FIRST, later)


def test_another_address_or_another_key_of_one_epoch_is_another_process() -> None:
    assert differ(FIRST, msgspec.structs.replace(FIRST, host="10.0.0.9"))
    assert differ(FIRST, msgspec.structs.replace(FIRST, port=9))
    assert differ(FIRST, msgspec.structs.replace(FIRST, mix_keys={EPOCH: OTHER_KEY}))


def test_twins_at_one_address_are_known_by_their_keys() -> None:
    twins, other = Twins(), msgspec.structs.replace(FIRST, mix_keys={EPOCH: OTHER_KEY})
    twins.note(FIRST, other)
    assert twins.found == []
    twins.note(other, FIRST)
    [told] = twins.found
    assert told == f"two processes use the identity of mix11 in turns, at {FIRST.host}:{FIRST.port}: stop one"
    twins.forget(NODE.id)
    assert twins.found == []


def test_when_one_of_them_was_stopped_the_warning_ends() -> None:
    twins, other = Twins(), msgspec.structs.replace(FIRST, port=9)
    twins.note(FIRST, other)
    twins.note(other, FIRST)
    for known, new in ((FIRST, FIRST), (FIRST, other), (other, FIRST)):
        twins.note(known, new)
    for _ in range(ALONE_AFTER - 1):
        twins.note(FIRST, FIRST)
        assert twins.found
    twins.note(FIRST, FIRST)
    assert twins.found == []
    # It was only quiet for a while.
    twins.note(FIRST, other)
    assert len(twins.found) == 1
