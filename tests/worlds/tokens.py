"""Issuers of tokens in tests: keys that are made once, and tokens of them."""

from __future__ import annotations

import functools
import random

from loopixmix.tokens import Token, TokenKey, begin_token, finish_token
from loopixmix.tokens.signing import Signer, generate_key, load_signer

BEGINS_S = 1_000_000
ENDS_S = 2_000_000


def private_key(number: int = 0) -> bytes:
    """Return one of several private keys."""
    return _made(number)[0]


def signer_of(number: int = 0) -> Signer:
    """Return what signs with the key `number`."""
    return _made(number)[1]


def token_key(number: int = 0, *, purpose: str = "guest", begins_s: int = BEGINS_S, ends_s: int = ENDS_S) -> TokenKey:
    """Return the public half of the key `number`, with a purpose and a period."""
    return TokenKey(purpose=purpose, begins_s=begins_s, ends_s=ends_s, public=signer_of(number).public)


def new_token(key: TokenKey, rng: random.Random, number: int = 0) -> Token:
    """Return a good token of `key`, which is the public half of the key `number`."""
    pending = begin_token(key, rng)
    return finish_token(pending, signer_of(number).sign_many([pending.blinded])[0])


@functools.cache
def _made(number: int) -> tuple[bytes, Signer]:
    private = generate_key()
    return private, load_signer(private, rng=random.Random(number))
