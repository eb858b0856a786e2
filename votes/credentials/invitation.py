"""What comes to a voter beside the code: for which election, and the proof that the credential is in the list."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from loopixmix.errors import FormatError
from votes.record.fingerprint import FINGERPRINT_BYTES
from votes.record.merkle import HASH_BYTES, Path

VERSION = 1
INDEX_BYTES = 8
MOST_PATH = 24


@dataclass(frozen=True)
class Invitation:
    """It is not secret. `index`: where the credential stands in the list. `path`: its inclusion proof."""

    fingerprint: bytes
    index: int
    path: Path

    def encode(self) -> str:
        """Return it as text for a mail: base64url (RFC 4648, section 5) without padding."""
        data = bytes([VERSION]) + self.fingerprint + self.index.to_bytes(INDEX_BYTES, "big") + b"".join(self.path)
        return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode_invitation(text: str) -> Invitation:
    """Read an invitation; raise `FormatError` if it is none. Spaces and line breaks of mails are read past."""
    letters = "".join(text.split())
    try:
        data = base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError(f"the invitation is not whole: {error}") from error
    start = 1 + FINGERPRINT_BYTES + INDEX_BYTES
    count, rest = divmod(len(data) - start, HASH_BYTES)
    if count < 0 or rest or count > MOST_PATH:
        raise FormatError(f"the invitation is not whole: it has {len(data)} bytes")
    if data[0] != VERSION:
        raise FormatError(f"the invitation has version {data[0]}; only {VERSION} is known")
    path = tuple(data[start + number * HASH_BYTES : start + (number + 1) * HASH_BYTES] for number in range(count))
    index = int.from_bytes(data[1 + FINGERPRINT_BYTES : start], "big")
    invitation = Invitation(data[1 : 1 + FINGERPRINT_BYTES], index, path)
    # Other letters may stand for the same bytes, in the bits that are left over at the end.
    if invitation.encode() != letters:
        raise FormatError("the invitation is not in its only allowed form")
    return invitation
