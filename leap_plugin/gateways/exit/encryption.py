"""A mail encrypted to the recipient's OpenPGP key on its way out (RFC 3156), its header lines protected (RFC 9788).

All header lines go inside. Outside stay those that a relay and a recipient's server need, and `Subject: [...]`: the
baseline policy of RFC 9788. Inside, `HP-Outer` lines say what stood outside, so that a mail program can tell whether
somebody changed it on the way.
"""

from __future__ import annotations

import re
from pathlib import Path

import pysequoia

from leap_plugin.gateways.abuse.optout import plain_address
from loopixmix.errors import ConfigError, MisuseError

_STRUCTURAL = re.compile(rb"(?i)^(?:content-[a-z-]+|mime-version)[ \t]*:")
_LINE_START = re.compile(rb"\r\n(?![ \t])")
_SUBJECT = b"subject:"
HIDDEN_SUBJECT = b"Subject: [...]"
SUFFIX = ".asc"
MOST_KEYS = 100_000


class EncryptionError(MisuseError):
    """The mail cannot be encrypted to the key that the operator gave for its recipient."""


class RecipientKeys:
    """The OpenPGP keys of recipients: files `ADDRESS.asc` in a directory of the operator."""

    def __init__(self, directory: Path) -> None:
        """`directory`: may be missing; files may come and go while the gateway runs."""
        self._directory = directory
        self._state: int | None = None
        self._files: dict[str, Path] = {}

    def find(self, address: str) -> pysequoia.Cert | None:
        """Return the key for an address, None if there is none.

        Raises `EncryptionError` if its file is no key that can be used: then nothing may leave in clear instead.
        """
        # Looked up by the names that are there: an address may have slashes in it, and must not become a path.
        path = self._listed().get(plain_address(address))
        if path is None:
            return None
        try:
            return pysequoia.Cert.from_bytes(path.read_bytes())
        except Exception as error:  # the library raises its own kinds, and plain Exception
            raise EncryptionError("the key for this recipient cannot be read") from error

    def _listed(self) -> dict[str, Path]:
        try:
            state = self._directory.stat().st_mtime_ns
            if state != self._state:
                found = sorted(self._directory.glob(f"*@*{SUFFIX}"))
                if len(found) > MOST_KEYS:
                    raise ConfigError(f"{self._directory}: has {len(found)} keys; {MOST_KEYS} are allowed")
                self._files = {plain_address(path.name.removesuffix(SUFFIX)): path for path in found}
                self._state = state
        except FileNotFoundError:
            self._files, self._state = {}, None
        return self._files


def encrypt_mail(message: bytes, key: pysequoia.Cert, boundary: str) -> bytes:
    """Return a mail with CRLF line ends as OpenPGP/MIME. `boundary`: random.

    Raises `EncryptionError` if the key cannot encrypt: it is expired or revoked, or only signs.
    """
    head, _, body = message.partition(b"\r\n\r\n")
    lines = _LINE_START.split(head)
    outer = [HIDDEN_SUBJECT if _is_subject(line) else line for line in lines if not _STRUCTURAL.match(line)]
    try:
        armoured = pysequoia.encrypt(_protected(lines, outer, body), recipients=[key])
    except Exception as error:  # as above
        raise EncryptionError("the key for this recipient cannot encrypt any more") from error
    mark = boundary.encode()
    parts = (
        b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n",
        b"Content-Type: application/octet-stream\r\n\r\n" + armoured.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    )
    kind = b'multipart/encrypted; protocol="application/pgp-encrypted";\r\n boundary="' + mark + b'"'
    head = b"\r\n".join([*outer, b"MIME-Version: 1.0", b"Content-Type: " + kind])
    joined = b"".join(b"--" + mark + b"\r\n" + part + b"\r\n" for part in parts)
    return head + b"\r\n\r\n" + joined + b"--" + mark + b"--\r\n"


def _protected(lines: list[bytes], outer: list[bytes], body: bytes) -> bytes:
    """Return the payload: a MIME part with all header lines, the outer ones once more, and the body."""
    told = [b"HP-Outer: " + line for line in outer]
    inner = [
        line.rstrip() + b';\r\n hp="cipher"' if line.lower().startswith(b"content-type:") else line
        for line in lines
        if not line.lower().startswith(b"mime-version:")
    ]
    return b"\r\n".join([*told, *inner, b"", body])


def _is_subject(line: bytes) -> bool:
    return line.lower().startswith(_SUBJECT)
