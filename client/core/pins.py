"""Whose key is whose: what a look-up or a signed message means against the key that was pinned."""

from __future__ import annotations

import hmac
from typing import TypeAlias

import msgspec

from loopixmix.cards import Card, fingerprint
from loopixmix.seams import Identity


class SameKey(msgspec.Struct, frozen=True):
    """The identity is the one that was pinned; the rest of the card may be newer."""


class ChangedKey(msgspec.Struct, frozen=True):
    """Another identity than the one that was pinned: nothing is sent until the user accepts it."""

    fingerprint: str


CardVerdict: TypeAlias = SameKey | ChangedKey


class PinnedSender(msgspec.Struct, frozen=True):
    """A contact signed it."""

    address: str


class UnknownSender(msgspec.Struct, frozen=True):
    """No contact has the address that the sender claims; whether it is really theirs is not known."""

    address: str


class Impostor(msgspec.Struct, frozen=True):
    """A contact has the address that the sender claims, but another key."""

    address: str
    fingerprint: str


SenderVerdict: TypeAlias = PinnedSender | UnknownSender | Impostor


def judge_card(card: Card, pinned: Identity) -> CardVerdict:
    """Compare a card that was looked up with the pinned identity key of its address."""
    return SameKey() if hmac.compare_digest(card.identity, pinned) else ChangedKey(fingerprint(card.identity))


def judge_sender(address: str, identity: Identity, pinned: Identity | None) -> SenderVerdict:
    """Compare the key that signed a message with the pinned one of the address its sender claims."""
    if pinned is None:
        return UnknownSender(address)
    if hmac.compare_digest(identity, pinned):
        return PinnedSender(address)
    return Impostor(address, fingerprint(identity))


def shown_sender(verdict: SenderVerdict) -> str:
    """Return how an application sees the sender: an impostor by its key, never by the address it claims."""
    match verdict:
        case PinnedSender(address) | UnknownSender(address):
            return address
        case Impostor(fingerprint=key):
            return f"key:{key}"
