"""Decoy cards: the same each time, valid in form, and of the provider's making only."""

from __future__ import annotations

import random
import stat
from collections import Counter
from pathlib import Path

import pytest

from loopixmix.cards import CARD_BYTES, DAY_S, decode_card
from loopixmix.errors import ConfigError, StoreError
from provider.cards.decoys import SECRET_FILE, Decoys, DecoySecret, check_decoy_secret, load_decoy_secret
from provider.store.accounts import ShownDay

PROVIDER = bytes([5]) * 32
SECRET = DecoySecret("07" * 32, first_day=20_000)


def test_a_decoy_is_a_valid_card_of_the_name_and_provider() -> None:
    data = Decoys(SECRET, PROVIDER).card("nobody", 20_100)
    card = decode_card(data)
    assert len(data) == CARD_BYTES
    assert (card.name, card.provider) == ("nobody", PROVIDER)


def test_a_decoy_is_the_same_each_time_and_for_each_name_another() -> None:
    decoys = Decoys(SECRET, PROVIDER)
    assert decoys.card("nobody", 20_100) == Decoys(SECRET, PROVIDER).card("nobody", 20_100)
    one, other = (decode_card(decoys.card(name, 20_100)) for name in ("nobody", "nobodz"))
    assert one.identity != other.identity
    assert one.sealing_key != other.sealing_key


def test_another_provider_s_decoys_are_others() -> None:
    mine = decode_card(Decoys(SECRET, PROVIDER).card("nobody", 20_100))
    theirs = decode_card(Decoys(DecoySecret("08" * 32, 20_000), PROVIDER).card("nobody", 20_100))
    assert mine.identity != theirs.identity


def test_the_keys_of_a_decoy_change_with_its_day_and_only_then() -> None:
    """A card whose day moves and whose keys stay is no client's: clients make one card for one registration."""
    cards = [decode_card(Decoys(SECRET, PROVIDER).card("nobody", day)) for day in range(20_000, 20_400, 7)]
    kinds = {(card.made_at_s, card.identity, card.sealing_key) for card in cards}
    days, identities, sealing_keys = zip(*kinds, strict=True)
    assert len(kinds) > 1
    assert len(set(days)) == len(set(identities)) == len(set(sealing_keys)) == len(kinds)


def test_a_decoy_was_made_in_the_provider_s_life_and_its_day_never_goes_back() -> None:
    decoys = Decoys(SECRET, PROVIDER)
    for name in ("a", "b", "c", "d"):
        days = [decoys._made_day(name, today) for today in range(20_000, 20_500)]
        assert days == sorted(days)
        assert all(20_000 <= day <= today for day, today in zip(days, range(20_000, 20_500), strict=True))


def test_what_is_shown_after_a_card_was_taken_away_is_no_older_and_has_keys_of_its_own() -> None:
    decoys = Decoys(SECRET, PROVIDER)
    for name in ("a", "b", "c", "d"):
        for gone in (20_000, 20_100, 20_300):
            before = decode_card(decoys.card(name, gone))
            shown = [decode_card(decoys.card(name, day, ShownDay(gone, 1))) for day in range(gone, 20_500, 9)]
            days = [card.made_at_s // DAY_S for card in shown]
            assert days == sorted(days)
            assert days[0] == gone
            assert shown[0].identity != before.identity
            again = decode_card(decoys.card(name, gone, ShownDay(gone, 2)))
            assert len({again.identity, shown[0].identity, before.identity}) == 3
            assert again.sealing_key != shown[0].sealing_key


def test_decoys_are_spread_over_the_provider_s_life() -> None:
    decoys = Decoys(SECRET, PROVIDER)
    days = Counter(decoys._made_day(f"name{n}", 20_365) for n in range(400))
    assert len(days) > 100
    assert max(days.values()) < 80
    assert decode_card(decoys.card("name1", 20_365)).made_at_s == decoys._made_day("name1", 20_365) * DAY_S


def test_the_secret_is_made_once_and_private(tmp_path: Path, rng: random.Random) -> None:
    secret = load_decoy_secret(tmp_path, rng=rng, today=20_000)
    assert load_decoy_secret(tmp_path, rng=rng, today=20_999) == secret
    assert secret.first_day == 20_000
    assert stat.S_IMODE((tmp_path / SECRET_FILE).stat().st_mode) == 0o600
    assert secret.secret not in repr(secret)


@pytest.mark.parametrize("content", ["", "{}", '{"secret": "07", "first_day": 1}', '{"secret": "xx", "first_day": 1}'])
def test_a_broken_secret_is_refused(tmp_path: Path, rng: random.Random, content: str) -> None:
    (tmp_path / SECRET_FILE).write_text(content)
    with pytest.raises(ConfigError, match=SECRET_FILE):
        load_decoy_secret(tmp_path, rng=rng, today=1)


def test_a_secret_that_cannot_be_written_is_told(tmp_path: Path, rng: random.Random) -> None:
    with pytest.raises(StoreError, match=SECRET_FILE):
        load_decoy_secret(tmp_path / "nowhere", rng=rng, today=1)


def test_a_secret_that_others_may_read_is_refused_also_by_the_check(tmp_path: Path, rng: random.Random) -> None:
    check_decoy_secret(tmp_path, rng=rng)
    assert not (tmp_path / SECRET_FILE).exists()
    load_decoy_secret(tmp_path, rng=rng, today=1)
    check_decoy_secret(tmp_path, rng=rng)
    (tmp_path / SECRET_FILE).chmod(0o640)
    with pytest.raises(ConfigError, match=r"decoys\.key: others may read this secret; run  chmod 600"):
        check_decoy_secret(tmp_path, rng=rng)
    (tmp_path / SECRET_FILE).chmod(0o600)
    (tmp_path / SECRET_FILE).write_text("{}")
    with pytest.raises(ConfigError, match=r"decoys\.key: this is not the secret"):
        check_decoy_secret(tmp_path, rng=rng)
