"""Where a daemon's local API is and what opens it: two private files in the client's directory."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from client.api import NoClientError, NotRunningError
from client.directory.configuration import CONFIG_FILE
from loopixmix.errors import StoreError
from loopixmix.process.files import is_token, lock_holder, write_atomically

TOKEN_FILE, URL_FILE = "api.token", "api.url"
LOCK_FILE = "client.lock"
STARTING_FILE = "starting.lock"
"""Whose lock a daemon holds that a program has started, from its first moment on."""

_URL = re.compile(r"http://127\.0\.0\.1:[0-9]{1,5}")


class Endpoint(msgspec.Struct, frozen=True):
    """The address of a local API and its bearer token, which is a secret."""

    url: str
    token: str

    def __repr__(self) -> str:
        return f"Endpoint(url={self.url!r})"


def find_endpoint(directory: Path) -> Endpoint:
    """Return how to reach the daemon of a client's directory.

    Raises `NotRunningError` if it is not running, `NoClientError` if there is no client in that directory.

    The lock tells whether it runs, and nothing else does: another user's program may have the port of an address that a
    crash left behind, and another process the number in the file.
    """
    if not directory.is_dir():
        raise NoClientError(
            f"there is no directory {directory}: make a client with  loopixmix client init {directory} --network FILE"
        )
    try:
        if lock_holder(directory / LOCK_FILE) is None:
            raise _not_running(directory)
        # In this order: a daemon that starts takes the old address away before it writes its new token. So that token
        # is never read together with an address that a crash left.
        token = (directory / TOKEN_FILE).read_text("ascii").strip()
        url = (directory / URL_FILE).read_text("ascii").strip()
    except FileNotFoundError:
        raise _not_running(directory) from None
    except (OSError, UnicodeDecodeError, StoreError) as error:
        raise NotRunningError(f"the client daemon of {directory} cannot be reached: {error}") from error
    if not _URL.fullmatch(url) or not is_token(token):
        raise NotRunningError(f"{directory}: {URL_FILE} or {TOKEN_FILE} is damaged; start the daemon again")
    return Endpoint(url, token)


def _not_running(directory: Path) -> NotRunningError | NoClientError:
    # The one is there from the beginning, the other from the first start on.
    if any((directory / name).exists() for name in (CONFIG_FILE, TOKEN_FILE)):
        return NotRunningError(f"the client daemon of {directory} is not running")
    return NoClientError(
        f"{directory} is no client's directory: make one with  loopixmix client init DIR --network FILE"
    )


def write_url(directory: Path, url: str) -> str:
    """Leave the address of a running daemon for its programs; return it."""
    write_atomically(directory / URL_FILE, url.encode() + b"\n")
    return url


def remove_url(directory: Path) -> None:
    """Take the address back when the daemon stops."""
    (directory / URL_FILE).unlink(missing_ok=True)
