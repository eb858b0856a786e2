"""A bridge's directory with all that belongs to it: made, and made complete."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from leap_plugin.directory.certificate import CERTIFICATE_FILE, make_certificate, names_in
from leap_plugin.directory.configuration import (
    IMAP_PORT,
    SMTP_PORT,
    LocalDoor,
    MailAccount,
    MailConfig,
    MailDirectory,
    add_account,
    create_mail,
    is_bridge,
    load_mail,
    set_private_address,
)
from leap_plugin.directory.passwords import MailPasswords
from leap_plugin.directory.trace_file import TRACE_FILE, create_trace_key
from loopixmix.seams import Rng


def make_bridge(path: Path, config: MailConfig, *, rng: Rng, now_s: float) -> MailDirectory:
    """Make a bridge in `path`, or complete one that is there; return it.

    Its keys, certificate and passwords are made once, and stay. `config`: of a new bridge. Raises `ConfigError`,
    `StoreError`.
    """
    directory = load_mail(path) if is_bridge(path) else create_mail(path, config)
    if not (path / TRACE_FILE).exists():
        create_trace_key(path, rng)
    if not (path / CERTIFICATE_FILE).exists():
        make_certificate(path / CERTIFICATE_FILE, addresses=_addresses(directory), rng=rng, now_s=now_s)
    for account in directory.config.accounts:
        MailPasswords(path).make_local(account.login, rng)
    return directory


def make_unasked(
    path: Path, accounts: Sequence[tuple[str, Path]], ports: tuple[int, int] | None, *, rng: Rng, now_s: float
) -> MailDirectory:
    """Make a bridge whose accounts, `name@provider` and client, may still have to be registered; for test networks.

    `ports`: of SMTP and IMAP. Raises `ConfigError`, `StoreError`.
    """
    smtp_port, imap_port = ports or (SMTP_PORT, IMAP_PORT)
    entries = tuple(MailAccount(client=str(client.resolve()), address=address) for address, client in accounts)
    local = LocalDoor(smtp_port=smtp_port, imap_port=imap_port)
    # A test network starts and stops its clients itself.
    config = MailConfig(start_clients=False, local=local, accounts=entries)
    return make_bridge(path, config, rng=rng, now_s=now_s)


def join_account(directory: MailDirectory, account: MailAccount, rng: Rng) -> MailDirectory:
    """Add an account, with its password, to a bridge; raise `ConfigError` if it is there already."""
    MailPasswords(directory.path).make_local(account.login, rng)
    return add_account(directory, account)


def listen_at(directory: MailDirectory, address: str, *, rng: Rng, now_s: float) -> MailDirectory:
    """Let other devices in at `address`; a certificate that does not name it is made anew. Raises `ConfigError`."""
    changed = set_private_address(directory, address)
    certificate = directory.path / CERTIFICATE_FILE
    if not certificate.exists() or changed.config.private.address not in names_in(certificate):
        make_certificate(certificate, addresses=_addresses(changed), rng=rng, now_s=now_s)
    return changed


def _addresses(directory: MailDirectory) -> tuple[str, ...]:
    address = directory.config.private.address
    return (address,) if address else ()
