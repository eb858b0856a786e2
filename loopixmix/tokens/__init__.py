"""Blind tokens: an issuer signs them without seeing them, so that it cannot tell who spends which (RFC 9474).

`keys` says what a token's key is for and how long it counts; `blinding` is the cryptography of the client and of
verification; `token` makes a token and checks one; `exchange` is what client and issuer say to each other. On the
issuer's side `signing` signs. On that of a service that takes tokens, `redeeming` takes them, `keyfile` has the keys
that count, and `spent` remembers. Specification: docs/protocol/tokens.md.
"""

from loopixmix.tokens.keys import TokenKey, decode_key_set, decode_token_key, encode_key_set, encode_token_key
from loopixmix.tokens.token import (
    BadTokenError,
    PendingToken,
    Token,
    begin_token,
    decode_token,
    encode_token,
    finish_token,
    spent_hash,
    verify_token,
)

__all__ = [
    "BadTokenError",
    "PendingToken",
    "Token",
    "TokenKey",
    "begin_token",
    "decode_key_set",
    "decode_token",
    "decode_token_key",
    "encode_key_set",
    "encode_token",
    "encode_token_key",
    "finish_token",
    "spent_hash",
    "verify_token",
]
