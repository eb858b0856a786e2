"""Names of folders as they are written: modified UTF-7 (RFC 3501 section 5.1.3)."""

from __future__ import annotations

import base64
import binascii
import re

from loopixmix.errors import FormatError

_SHIFTED = re.compile("[^\x20-\x7e]+")
MOST_NAME_BYTES = 1_000


def encode_name(name: str) -> bytes:
    """Return a name of a folder in modified UTF-7."""
    escaped = name.replace("&", "&-")
    return _SHIFTED.sub(lambda found: f"&{_base64(found[0])}-", escaped).encode("ascii")


def decode_name(written: bytes) -> str:
    """Return the name that stands in modified UTF-7; INBOX is the same in any case.

    Raises FormatError for what no encoder writes, since two spellings of one name would be two folders for the client.
    """
    if not written or len(written) > MOST_NAME_BYTES:
        raise FormatError(f"the name of a folder has 1 to {MOST_NAME_BYTES} bytes")
    try:
        pieces = written.decode("ascii").split("&")
        name = pieces[0] + "".join(_unshifted(piece) for piece in pieces[1:])
        same = encode_name(name) == written
    except (UnicodeError, binascii.Error, ValueError):
        same, name = False, ""
    if not same:
        raise FormatError("the name of the folder is not valid modified UTF-7")
    return "INBOX" if name.upper() == "INBOX" else name


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")


def _unshifted(piece: str) -> str:
    shifted, dash, rest = piece.partition("-")
    if not dash:
        raise ValueError("a shift has no end")
    if not shifted:
        return "&" + rest
    padded = shifted.replace(",", "/") + "=" * (-len(shifted) % 4)
    return base64.b64decode(padded, validate=True).decode("utf-16-be") + rest
