"""The archive that a user takes along: a zip file with all that the client keeps, in forms that any program reads."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec
from sqlalchemy import Table
from sqlalchemy.exc import SQLAlchemyError

from client.asking.account import ACCOUNT_FACT, CARD_FACT
from client.directory.configuration import CONFIG_FILE, STORE_FILE, TRUST_ROOT_FILE, check_client
from client.directory.keys import IDENTITY_FILE, SEALING_FILE, ClientKeys, load_keys
from client.leaving.rows import TABLES, StoreRows
from client.link.session import Account
from loopixmix.cards import fingerprint
from loopixmix.errors import ConfigError, StoreError
from loopixmix.process.files import PRIVATE_FILE, file_error, sync_directory

README = """\
All that a LoopixMix client kept about its user.

account.json        the address, the provider, the fingerprint of the user's key
client.toml         the settings
network.toml        the network that the client trusts
tables/NAME.jsonl   one row of a table per line, as JSON:
                      inbox             messages that came
                      messages          messages that were sent, or are to be; changes: what became of each
                      drafts            messages that have not begun to leave; of others the text is not kept
                      contacts          people that can be written to, with their keys
                      posted_requests   requests to services, with their answers
                      tokens, token_orders, token_keys   blind tokens
                      readers, settled  which programs have read what
                      incoming, incoming_fragments, orphans, reply_fragments   messages of which parts are here
                      fragments         sealed parts on their way out, which only the recipient can open
                      reply_groups, reply_blocks, handed_groups, handed_blocks   ways to answer anonymous senders
                      seen              random numbers of parts that were taken
                      facts             single values
contents/...        the content of each message and request, byte for byte; the lines of the tables name these files

Times end in _s: seconds since 1970-01-01, UTC. Bytes are in base64.
"""

WITHOUT_KEYS = "The secret keys, and other values that would let others act in the user's place, were left out.\n"
WITH_KEYS = """\
keys/               THE SECRET KEYS. Who has them can read the user's messages and write in the user's name.
"""

Progress = Callable[[str, int, int], object]
"""Hears a table's name, how many of its rows are written, and how many it has."""


class Exported(msgspec.Struct, frozen=True):
    """What an archive has: rows of all tables, contents, bytes of the file."""

    rows: int
    contents: int
    file_bytes: int


def export_client(directory: Path, file: Path, *, keys: bool, progress: Progress) -> Exported:
    """Write all that the client of `directory` keeps into the new zip file `file`; the client may be running.

    `keys`: also the secret keys, and what else would let others act in the user's place. Raises `ConfigError` if there
    is no client, or if the file is there already; `StoreError` if one of them cannot be read or written. Then, as after
    an interruption, no file is left.
    """
    check_client(directory)
    own = load_keys(directory)
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    except FileExistsError as error:
        raise ConfigError(f"{file}: exists already and is never overwritten") from error
    except OSError as error:
        raise file_error(error, f"{file}: cannot be written") from error
    try:
        with os.fdopen(descriptor, "w+b") as opened:
            done = _write(directory, opened, own, keys=keys, progress=progress)
            opened.flush()
            os.fsync(opened.fileno())
            size = opened.seek(0, os.SEEK_END)
        sync_directory(file.absolute().parent)
    except BaseException as error:  # also Ctrl-C: half an archive would look like a whole one
        file.unlink(missing_ok=True)
        if isinstance(error, SQLAlchemyError):
            raise StoreError(f"{directory / STORE_FILE}: cannot be read: {error.__cause__ or error}") from error
        if isinstance(error, OSError):
            raise file_error(error, f"{file}: cannot be written") from error
        raise
    return Exported(*done, size)


def _write(directory: Path, opened: BinaryIO, own: ClientKeys, *, keys: bool, progress: Progress) -> tuple[int, int]:
    rows = contents = 0
    fingerprint_of_user = fingerprint(own.identity_key.public)
    with zipfile.ZipFile(opened, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README + (WITH_KEYS if keys else WITHOUT_KEYS))
        secret_files = (IDENTITY_FILE, SEALING_FILE) if keys else ()
        for name in (CONFIG_FILE, TRUST_ROOT_FILE, *secret_files):
            if (directory / name).exists():
                archive.write(directory / name, f"keys/{name}" if name in secret_files else name)
        if not (directory / STORE_FILE).exists():  # the client was never started
            archive.writestr("account.json", _account(None, None, fingerprint_of_user))
            return 0, 0
        with StoreRows(directory / STORE_FILE, own.store_key, secrets=keys) as store:
            account = _account(store.fact(ACCOUNT_FACT), store.fact(CARD_FACT), fingerprint_of_user)
            archive.writestr("account.json", account)
            for table in TABLES:
                rows += _write_rows(archive, store, table, progress)
                for place, content in store.contents(table):
                    archive.writestr(place.file, content)
                    contents += 1
    return rows, contents


def _write_rows(archive: zipfile.ZipFile, store: StoreRows, table: Table, progress: Progress) -> int:
    done, total = 0, store.count(table)
    # Line by line: the table may have gigabytes. Its length is not known before, and may exceed 2 GiB.
    with archive.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as lines:
        for row in store.rows(table):
            lines.write(msgspec.json.encode(row) + b"\n")
            done += 1
            if done % 256 == 0 or done == total:
                progress(table.name, done, total)
    return done


def _account(account: bytes | None, card: bytes | None, fingerprint_of_user: str) -> bytes:
    told: dict[str, object] = {"fingerprint": fingerprint_of_user, "address": None}
    if account is not None:
        known = msgspec.msgpack.decode(account, type=Account)
        told |= {"address": known.address, "provider": known.provider_name, "guest": known.is_guest, "card": card}
    return msgspec.json.format(msgspec.json.encode(told), indent=2)
