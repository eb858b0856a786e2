"""A list of names, to be sorted into those that have an account and those that do not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from loopixmix.cards import CARD_BYTES, Card, decode_card
from loopixmix.requests.names import LookUp, encode_keys_request
from loopixmix.requests.single import ReplyStatus
from loopixmix.seams import PacketDelivered, PacketIn
from provider.cards.decoys import Decoys, DecoySecret
from tests.worlds.networks.towns import TOWN_PARAMS, Town

WITHOUT_LOOPS = msgspec.structs.replace(TOWN_PARAMS, node_loop_rate_per_s=1e-9)
NAMES = [f"name{number}" for number in range(12)]
REGISTERED = NAMES[::2]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path, params=WITHOUT_LOOPS)
    for name in REGISTERED:
        town.client(name, town.p2)
    yield town
    town.stop()


def observe(town: Town, name: str) -> tuple[Card, float, int]:
    """Look a name up; return the card, how long the provider took, and how many bytes came back."""
    town.p2.recorder.facts.clear()
    town.alice.request("keys", encode_keys_request(LookUp(name)), at=town.p2.identity)
    town.settle()
    [arrived_s] = [fact.at_s for fact in town.p2.recorder.of(PacketDelivered)]
    [answered_s] = [fact.at_s for fact in town.p2.recorder.of(PacketIn) if fact.peer == town.p2.identity]
    [answer] = town.alice.answers()
    assert answer.status is ReplyStatus.OK
    return decode_card(answer.body), answered_s - arrived_s, len(answer.body)


def test_looking_names_up_does_not_sort_them(town: Town) -> None:
    seen = {name: observe(town, name) for name in NAMES}
    assert {length for _, _, length in seen.values()} == {CARD_BYTES}
    assert len({round(took_s, 6) for _, took_s, _ in seen.values()}) == 1
    assert all((card.name, card.provider) == (name, town.p2.identity) for name, (card, _, _) in seen.items())
    # The provider began today, so that everybody's card was made today.
    assert len({card.made_at_s for card, _, _ in seen.values()}) == 1


def test_neither_does_writing_to_them(town: Town) -> None:
    took_s = set()
    for name in NAMES:
        card, _, _ = observe(town, name)
        town.p2.recorder.facts.clear()
        town.alice.deliver(card.identity, b"are you there?", exit=town.p2.identity)
        town.settle()
        [arrived_s] = [fact.at_s for fact in town.p2.recorder.of(PacketDelivered)]
        [used_s] = [fact.at_s for fact in town.p2.recorder.of(PacketIn) if fact.peer == town.p2.identity]
        took_s.add(round(used_s - arrived_s, 6))
        assert town.alice.replies() == [b""]
    assert len(took_s) == 1


def test_coming_back_later_does_not_sort_them_for_certain() -> None:
    """A card that changes is that of a name somebody registered meanwhile, or a decoy: both look the same."""
    decoys = Decoys(DecoySecret("05" * 32, first_day=20_000), bytes(32))
    changed = 0
    for name in NAMES * 20:
        rng = random.Random(name)
        early, late = sorted(rng.sample(range(20_000, 20_400), 2))
        one, other = (decode_card(decoys.card(name, day)) for day in (early, late))
        same_day, same_keys = one.made_at_s == other.made_at_s, one.identity == other.identity
        assert same_day == same_keys == (one.sealing_key == other.sealing_key)
        changed += not same_day
    assert changed > 0
