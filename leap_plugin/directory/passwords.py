"""The passwords of a bridge: one for each account, for this machine, and one for each other device.

The password of an account is kept as it is, in a file that only its owner can read, so that it can be shown again at
any time. A hash would protect nothing: whoever can read the file can read the mails beside it, and the password opens
nothing else, since it counts at 127.0.0.1 only. The password of a device counts from other machines. It is shown once,
and only its scrypt hash (RFC 7914) is kept; a device that forgot it gets a new one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from pathlib import Path

import msgspec
import tomli_w

from loopixmix.config import load_config
from loopixmix.errors import ConfigError, MisuseError
from loopixmix.process.files import DirectoryLock, write_atomically
from loopixmix.seams import Rng

PASSWORDS_FILE = "passwords.toml"
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look alike."""
GROUPS, GROUP_LENGTH = 5, 4
"""20 of 31 letters: 99 bits, which nobody guesses."""
MOST_DEVICES = 20
MOST_PASSWORD_CHARS = 200
SALT_BYTES = 16
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9 ._-]{0,39}", re.ASCII)
_COST, _BLOCK, _MEMORY_BYTES = 2**14, 8, 64 * 1024 * 1024
_HEAD = b"""\
# The passwords of a mail bridge, written by its commands. Of an account it is readable, to be shown again by
# loopixmix mail setup DIR: it counts on this machine only, and opens no more than what lies beside this file.
# Of a device there is only a scrypt hash.
"""


class DevicePassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The password of one device, as a hash."""

    name: str
    scrypt: str
    made_at_s: float


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    salt: str
    accounts: dict[str, str] = {}
    devices: tuple[DevicePassword, ...] = ()

    def __repr__(self) -> str:
        return f"_File(accounts={len(self.accounts)}, devices={len(self.devices)})"


class MailPasswords:
    """The file of passwords in one directory; a running bridge and the commands see each other's changes."""

    def __init__(self, directory: Path) -> None:
        """`directory`: the bridge's."""
        self._path = directory / PASSWORDS_FILE
        self._lock = directory / f".{PASSWORDS_FILE}.lock"

    def make_local(self, login: str, rng: Rng) -> str:
        """Return the password of an account for this machine; it is made once, and stays."""
        with DirectoryLock(self._lock):
            file = self._read(rng)
            password = file.accounts.get(login)
            if password is None:
                password = new_password(rng)
                self._write(msgspec.structs.replace(file, accounts={**file.accounts, login: password}))
            return password

    def forget_local(self, login: str) -> None:
        """Remove the password of an account."""
        with DirectoryLock(self._lock):
            file = self._read(None)
            kept = {name: password for name, password in file.accounts.items() if name != login}
            self._write(msgspec.structs.replace(file, accounts=kept))

    def add_device(self, name: str, *, rng: Rng, now_s: float) -> str:
        """Return the password of a new device, which is not kept; raise `MisuseError` if the name is not free."""
        if not _NAME.fullmatch(name):
            raise MisuseError("the name of a device has 1 to 40 characters: a-z A-Z 0-9 . _ - and blanks")
        with DirectoryLock(self._lock):
            file = self._read(rng)
            if any(device.name == name for device in file.devices):
                raise MisuseError(f'there is a device "{name}" already: remove it first, or choose another name')
            if len(file.devices) >= MOST_DEVICES:
                raise MisuseError(f"there are {MOST_DEVICES} devices already, as many as there may be")
            password = new_password(rng)
            device = DevicePassword(name=name, scrypt=_hash(password, file.salt).hex(), made_at_s=now_s)
            self._write(msgspec.structs.replace(file, devices=(*file.devices, device)))
            return password

    def remove_device(self, name: str) -> None:
        """Forget the password of a device; raise `MisuseError` if there is none of this name."""
        with DirectoryLock(self._lock):
            file = self._read(None)
            left = tuple(device for device in file.devices if device.name != name)
            if len(left) == len(file.devices):
                raise MisuseError(f'there is no device "{name}"')
            self._write(msgspec.structs.replace(file, devices=left))

    def devices(self) -> tuple[DevicePassword, ...]:
        """Return all devices, in the order in which they came."""
        return self._read(None).devices

    def is_local(self, login: str, password: str) -> bool:
        """Tell whether this is the password of an account for this machine; compares in constant time."""
        accounts = self._read(None).accounts
        # An account that does not exist takes as long as one that does.
        kept = accounts.get(login, "-" * GROUPS * GROUP_LENGTH)
        return hmac.compare_digest(_folded(password), _folded(kept)) and login in accounts

    def is_of_device(self, login: str, password: str) -> bool:
        """Tell whether this is the password of a device, for an account that exists; takes its time."""
        file = self._read(None)
        given = _hash(password[:MOST_PASSWORD_CHARS], file.salt)
        found = [hmac.compare_digest(given, bytes.fromhex(device.scrypt)) for device in file.devices]
        return any(found) and login in file.accounts

    def _read(self, rng: Rng | None) -> _File:
        if not self._path.exists() and rng is not None:
            return _File(salt=rng.randbytes(SALT_BYTES).hex())
        file = load_config(self._path, _File)
        if self._path.stat().st_mode & 0o077:
            raise ConfigError(f"{self._path}: others may read these passwords; run  chmod 600 {self._path}")
        return file

    def _write(self, file: _File) -> None:
        write_atomically(self._path, _HEAD + tomli_w.dumps(msgspec.to_builtins(file)).encode())


def new_password(rng: Rng) -> str:
    """Return a new password; `rng` must be the system's randomness in use."""
    return "-".join("".join(rng.choice(LETTERS) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))


def _folded(password: str) -> bytes:
    # It is typed on phones, which begin with a capital letter; what stands between the groups does not count.
    return "".join(char for char in password[:MOST_PASSWORD_CHARS].lower() if char not in "- ").encode()


def _hash(password: str, salt: str) -> bytes:
    return hashlib.scrypt(
        _folded(password), salt=bytes.fromhex(salt), n=_COST, r=_BLOCK, p=1, maxmem=_MEMORY_BYTES, dklen=32
    )
