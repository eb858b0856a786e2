"""Cards of people who do not exist, so that a look-up does not tell which names have accounts.

Everything about a decoy is derived from its name, the day it was made and a secret of the provider. So it is the same
each time it is asked for, and without the secret it cannot be told from a card: its keys and its signature are real.
Now and then a decoy is made anew with other keys, like the card of a name that somebody registers.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import msgspec

from loopixmix.cards import DAY_S, SEALING_SEED_BYTES, SealingKey, encode_card, make_card
from loopixmix.errors import ConfigError, StoreError
from loopixmix.keys import KEY_BYTES, IdentityKey
from loopixmix.process.files import create_file
from loopixmix.seams import Identity, Rng
from provider.store.accounts import ShownDay

SECRET_BYTES = 32
SECRET_FILE = "decoys.key"  # noqa: S105 (a name)


class DecoySecret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The origin of all decoys: random bytes in hex, and the day the provider began."""

    secret: str
    first_day: int

    def __repr__(self) -> str:
        return f"DecoySecret(first_day={self.first_day})"


def load_decoy_secret(directory: Path, *, rng: Rng, today: int) -> DecoySecret:
    """Return the secret in a provider's directory, made at the first call.

    Raises `StoreError` if it cannot be written, and `ConfigError` if the file holds something else.
    """
    path = directory / SECRET_FILE
    try:
        # A file that is broken is not made anew: with another secret all decoys would change at once, and the names
        # whose cards stayed would be those of accounts.
        if not path.exists():
            create_file(path, msgspec.json.encode(DecoySecret(rng.randbytes(SECRET_BYTES).hex(), today)))
        # Whoever reads it can tell decoys from accounts: by a copy from elsewhere, most often.
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path}: others may read this secret; run  chmod 600 {path}")
        secret = msgspec.json.decode(path.read_bytes(), type=DecoySecret)
        if len(bytes.fromhex(secret.secret)) != SECRET_BYTES:
            raise ConfigError(f"{path}: the secret must have {SECRET_BYTES} bytes, in hexadecimal digits")
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise ConfigError(f"{path}: this is not the secret of a provider's decoys") from error
    return secret


def check_decoy_secret(directory: Path, *, rng: Rng) -> None:
    """Raise `StoreError` or `ConfigError` if the secret in a provider's directory, if there is one, cannot be used."""
    if (directory / SECRET_FILE).exists():
        load_decoy_secret(directory, rng=rng, today=0)


class Decoys:
    """Makes decoys for one provider."""

    def __init__(self, secret: DecoySecret, provider: Identity) -> None:
        """`secret`: the provider's. `provider`: its identity, which decoys name as cards do."""
        self._secret = bytes.fromhex(secret.secret)
        self._first_day = secret.first_day
        self._provider = provider

    def card(self, name: str, today: int, shown: ShownDay | None = None) -> bytes:
        """Return the encoded card of a `name` that has no card, as it is on the day `today`.

        `shown`: when the card that the name once had was taken away. The decoy is not older than that: a day that goes
        back would prove that the name had an account.
        """
        day, again = self._made_day(name, today), b""
        if shown is not None and shown.day >= day:
            # Other keys than before, also if the decoy of this very day was seen before there was a card.
            day, again = shown.day, b" again %d" % shown.changes
        # The keys change with the day. A client makes one card for one registration, so that a card whose day moved
        # while its keys stayed would be known for a decoy by anybody who looked twice.
        card = make_card(
            IdentityKey(self._derive(b"identity %d%s" % (day, again), name, KEY_BYTES)),
            name=name,
            provider=self._provider,
            sealing_key=SealingKey(self._derive(b"sealing key %d%s" % (day, again), name, SEALING_SEED_BYTES)).public,
            now_s=day * DAY_S,
        )
        return encode_card(card)

    def _made_day(self, name: str, today: int) -> int:
        """Return the day a decoy was made: stable, spread over the provider's life, never in the future.

        The life so far falls into spans of 1, 2, 4, ... days. In each span somebody might have registered the name, on
        a day of that span; the newest such day that has come counts.
        """
        # If decoys never changed, every change of a card would show a registration. Spans that double make changes
        # rarer as the provider grows older, as registrations of one name are, and half of all decoys change in each.
        made_day, span_start, span_days = self._first_day, self._first_day, 1
        while span_start <= today:
            draw = int.from_bytes(self._derive(b"day %d" % span_start, name, 8))
            renewed, day = draw & 1, span_start + (draw >> 1) % span_days
            if renewed and day <= today:
                made_day = day
            span_start, span_days = span_start + span_days, span_days * 2
        return made_day

    def _derive(self, purpose: bytes, name: str, length: int) -> bytes:
        message = b"loopixmix/decoy/v1:" + purpose + b":" + name.encode()
        blocks = (
            hmac.digest(self._secret, bytes([block]) + message, hashlib.sha512) for block in range(-(-length // 64))
        )
        return b"".join(blocks)[:length]
