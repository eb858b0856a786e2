"""What LEAP's clients find in their Incoming Box: an OpenPGP message around a JSON object, which holds the mail.

    {"incoming": true, "content": "<the mail>"}

That is what LEAP's own mail exchanger writes, and what Bitmask takes apart (docs/leap.md names the sources). Bitmask
reads the text of `content` as bytes: those beyond ASCII stand there as they are, whatever character set they are of.
So the mail comes out byte for byte, of 8-bit mail too.
"""

from __future__ import annotations

import re

from leap_plugin.mail.heads import without_lines

# The common ones are replaced one after the other: a mail of 36 MB has a million line ends.
_COMMON = ((b"\\", rb"\\"), (b'"', rb"\""), (b"\r", rb"\r"), (b"\n", rb"\n"), (b"\t", rb"\t"))
_RARE = re.compile(rb"[\x00-\x1f]")
_CLAIMS = ("X-Leap-Encryption", "X-Leap-Signature", "X-Leap-Provenance")


def without_claims(mail: bytes) -> bytes:
    """Return a mail without header lines that only the recipient's own program may write; all else stays.

    Bitmask adds `X-Leap-Encryption` and `X-Leap-Signature` when it has decrypted a mail and checked its signature. Mail
    programs show them, so that a sender who writes them could claim a signature.
    """
    return without_lines(mail, *_CLAIMS)


def incoming_document(mail: bytes) -> bytes:
    """Return the JSON object, as bytes, that is to be encrypted to the user."""
    content = mail
    for byte, escaped in _COMMON:
        content = content.replace(byte, escaped)
    content = _RARE.sub(lambda found: b"\\u%04x" % found.group()[0], content)
    return b'{"incoming": true, "content": "' + content + b'"}'
