"""What a mail server in front of an entrance says of its own peer: Postfix's XFORWARD.

With it SPF is judged for the server that a mail came from, and not for our own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from leap_plugin.bridge.smtp.commands import SmtpCommandError

ATTRIBUTES = "NAME ADDR PROTO HELO SOURCE PORT IDENT"
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_UNKNOWN = ("[UNAVAILABLE]", "[TEMPUNAVAIL]")


def read_xforward(rest: str) -> Mapping[str, str]:
    """Return the attributes in a command, empty if they are not known; raise `SmtpCommandError`."""
    found = {}
    for word in rest.split():
        name, equals, value = word.partition("=")
        if not equals or name.upper() not in ATTRIBUTES.split():
            raise SmtpCommandError(501, "5.5.4", f"XFORWARD takes NAME=VALUE, with {ATTRIBUTES}")
        decoded = _XTEXT.sub(lambda hexadecimal: chr(int(hexadecimal[1], 16)), value)
        if not decoded.isprintable():
            raise SmtpCommandError(501, "5.5.4", "XFORWARD takes printable values")
        found[name.upper()] = "" if decoded.upper() in _UNKNOWN else decoded
    return found
