"""Everything that can go wrong, by its cause.

Most errors are a `PeerError` (somebody else sent something wrong), a `MisuseError` (we, our user or our configuration
did) or an `UnavailableError` (the other side cannot be reached just now). The first line of each docstring is fit to
show to a user; a class exists for each reaction a caller can have, not for each place that raises.
"""

from __future__ import annotations

import msgspec

UNDECODABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""The errors that msgspec raises over bytes that are no value.

Besides its own they are those of texts that are no UTF-8, and of lists that nest thousands deep.
"""
DISK_FULL = "the disk is full"
"""How each message about it begins, whichever file or database could not be written."""


class LoopixmixError(Exception):
    """Something went wrong."""


class PeerError(LoopixmixError):
    """Another node sent something that breaks the protocol."""


class MisuseError(LoopixmixError):
    """The request cannot be carried out as it was made."""


class FormatError(PeerError):
    """The bytes are not a valid encoding."""


class SignatureError(PeerError):
    """The signature does not belong to this message and key."""


class ConfigError(MisuseError):
    """The configuration is wrong."""


class StoreError(MisuseError):
    """The store cannot be used."""


class DiskFullError(StoreError):
    """The disk is full."""


class ListenError(MisuseError):
    """The address cannot be listened on."""


class UnavailableError(LoopixmixError):
    """The other side cannot be reached just now."""


def disk_full(failed: str) -> DiskFullError:
    """Return the error that tells it; `failed`: what could not be done, "the store cannot be written"."""
    return DiskFullError(f"{DISK_FULL}: {failed}")
