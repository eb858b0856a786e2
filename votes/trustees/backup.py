"""A trustee's secrets in one file under a passphrase, so that a broken disk does not cost the election its result."""

from __future__ import annotations

import msgspec
from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id
from nacl.secret import SecretBox

from loopixmix.errors import FormatError, MisuseError
from loopixmix.seams import Rng

HEADER = b"loopixmix-votes-1/trustee-backup\n"
LEAST_PASSPHRASE = 12
"""Characters. Whoever finds the file tries passphrases for as long as it likes."""
MOST_BACKUP_BYTES = 65_536


class TrusteeSecrets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a trustee has to keep once the key is made."""

    number: int
    draft: bytes
    """SHA-256 of the draft that the key was made for, 32 bytes."""
    identity_seed: bytes
    decryption_key: bytes
    share: bytes
    """One encoded scalar."""
    commitments: bytes
    """To the key that was made together: encoded elements, one after another. The frozen record has to have them."""

    def __repr__(self) -> str:
        return f"TrusteeSecrets(number={self.number})"


def seal_backup(secrets: TrusteeSecrets, passphrase: str, rng: Rng) -> bytes:
    """Return the file: Argon2id (RFC 9106, "moderate" limits of libsodium) and XSalsa20-Poly1305.

    Raises `MisuseError` if the passphrase is too short.
    """
    if len(passphrase) < LEAST_PASSPHRASE:
        raise MisuseError(f"a passphrase has at least {LEAST_PASSPHRASE} characters, not {len(passphrase)}")
    salt = rng.randbytes(argon2id.SALTBYTES)
    nonce = rng.randbytes(SecretBox.NONCE_SIZE)
    sealed = _box(passphrase, salt).encrypt(msgspec.msgpack.encode(secrets), nonce).ciphertext
    return HEADER + salt + nonce + sealed


def open_backup(file: bytes, passphrase: str) -> TrusteeSecrets:
    """Read a backup. Raises `FormatError` if it is none, `MisuseError` if the passphrase is wrong or it was altered."""
    if not file.startswith(HEADER) or len(file) > MOST_BACKUP_BYTES:
        raise FormatError("this is no backup of a trustee's key")
    body = file[len(HEADER) :]
    salt, rest = body[: argon2id.SALTBYTES], body[argon2id.SALTBYTES :]
    nonce, sealed = rest[: SecretBox.NONCE_SIZE], rest[SecretBox.NONCE_SIZE :]
    if len(sealed) < SecretBox.MACBYTES:
        raise FormatError("this backup of a trustee's key is cut short")
    try:
        plain = _box(passphrase, salt).decrypt(sealed, nonce)
    except CryptoError:
        raise MisuseError("the passphrase is wrong, or the backup was altered") from None
    try:
        return msgspec.msgpack.decode(plain, type=TrusteeSecrets)
    except msgspec.MsgspecError as error:
        raise FormatError(f"the backup has another form than this version writes: {error}") from error


def _box(passphrase: str, salt: bytes) -> SecretBox:
    key = argon2id.kdf(
        SecretBox.KEY_SIZE,
        passphrase.encode(),
        salt,
        opslimit=argon2id.OPSLIMIT_MODERATE,
        memlimit=argon2id.MEMLIMIT_MODERATE,
    )
    return SecretBox(key)
