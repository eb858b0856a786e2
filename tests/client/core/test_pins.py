from __future__ import annotations

import random

from client.core.pins import (
    ChangedKey,
    Impostor,
    PinnedSender,
    SameKey,
    UnknownSender,
    judge_card,
    judge_sender,
    shown_sender,
)
from loopixmix.cards import SEALING_KEY_BYTES, fingerprint, make_card
from loopixmix.keys import IdentityKey

BOB = IdentityKey.generate(random.Random(1))
EVE = IdentityKey.generate(random.Random(2))
CARD = make_card(BOB, name="bob", provider=bytes(32), sealing_key=bytes(SEALING_KEY_BYTES), now_s=0)


def test_a_card_is_judged_by_the_pinned_key() -> None:
    assert judge_card(CARD, BOB.public) == SameKey()
    assert judge_card(CARD, EVE.public) == ChangedKey(fingerprint(BOB.public))


def test_a_sender_is_judged_by_the_pinned_key() -> None:
    assert judge_sender("bob@north", BOB.public, BOB.public) == PinnedSender("bob@north")
    assert judge_sender("bob@north", BOB.public, None) == UnknownSender("bob@north")
    assert judge_sender("bob@north", EVE.public, BOB.public) == Impostor("bob@north", fingerprint(EVE.public))


def test_an_impostor_is_never_shown_under_the_address_it_claims() -> None:
    shown = shown_sender(Impostor("bob@north", fingerprint(EVE.public)))
    assert "bob" not in shown
    assert fingerprint(EVE.public) in shown
    assert shown_sender(UnknownSender("bob@north")) == shown_sender(PinnedSender("bob@north")) == "bob@north"
