"""The settings of a bridge, printed and written into files for mail programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from leap_plugin.bridge.autoconfiguration import (
    AccountSettings,
    MailServers,
    apple_file,
    servers,
    settings_lines,
    thunderbird_file,
)
from leap_plugin.bridge.thunderbird_profile import FOLDER as THUNDERBIRD
from leap_plugin.bridge.thunderbird_profile import STARTED_FILE, profile_files
from leap_plugin.directory.certificate import CERTIFICATE_FILE, fingerprint, public_part
from leap_plugin.directory.configuration import LOOPBACK, MailAccount, MailDirectory
from leap_plugin.directory.passwords import MailPasswords
from loopixmix.process.files import make_directory, write_together
from loopixmix.seams import Rng

FOLDER = "settings"
"""In the directory of a bridge: files for mail programs."""


class SettingsReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that `loopixmix mail setup` tells. `files`: what mail programs can read."""

    directory: str
    accounts: tuple[AccountSettings, ...]
    certificate_sha256: str
    files: tuple[str, ...]


def report_settings(directory: MailDirectory, rng: Rng) -> SettingsReport:
    """Return the settings of all accounts, and write them into files."""
    accounts = tuple(_settings(directory, account, rng) for account in directory.config.accounts)
    certificate = directory.path / CERTIFICATE_FILE
    files: dict[Path, bytes] = {directory.path / FOLDER / "bridge-certificate.pem": public_part(certificate)}
    for account in accounts:
        for place, where in (("here", account.here), ("elsewhere", account.elsewhere)):
            if where is not None:
                for file in (thunderbird_file(account, where), apple_file(account, where)):
                    files[directory.path / FOLDER / place / file.name] = file.content
    quiet, preferences = profile_files(accounts)
    profile = directory.path / FOLDER / THUNDERBIRD
    files[profile / quiet.name] = quiet.content
    # Until it is used: then it is Thunderbird's own, with all that its user has changed.
    if not (profile / STARTED_FILE).exists():
        files[profile / preferences.name] = preferences.content
    for path in files:
        make_directory(path.parent)
    write_together(files)
    return SettingsReport(
        directory=str(directory.path),
        accounts=accounts,
        certificate_sha256=fingerprint(certificate),
        files=tuple(str(path) for path in files),
    )


def print_settings(report: SettingsReport) -> None:
    """Print the settings for people."""
    for account in report.accounts:
        click.echo(f"\nType into the mail program, for {account.address}:\n")
        for line in settings_lines(account):
            click.echo(f"  {line}".rstrip())
    if _uses_tls(report.accounts):
        click.echo(f"\nThe mail program asks once about the certificate. Its SHA-256 is\n  {report.certificate_sha256}")
    if report.files:
        folder = Path(report.directory) / FOLDER
        click.echo(f"\nFiles for mail programs are in {folder}")
        click.echo(
            f"Thunderbird, set up and asking the internet nothing:  thunderbird --profile {folder / THUNDERBIRD}"
        )


def _settings(directory: MailDirectory, account: MailAccount, rng: Rng) -> AccountSettings:
    local, private = directory.config.local, directory.config.private
    here = servers(
        LOOPBACK,
        local.smtp_port,
        local.imap_port,
        smtp_security=local.security,
        imap_security=local.security,
    )
    elsewhere = None
    if private.address:
        elsewhere = servers(
            private.address, private.smtp_port, private.imap_port, smtp_security="tls", imap_security="tls"
        )
    password = MailPasswords(directory.path).make_local(account.login, rng)
    return AccountSettings(address=account.login, user=account.login, password=password, here=here, elsewhere=elsewhere)


def _uses_tls(accounts: Sequence[AccountSettings]) -> bool:
    def is_secured(where: MailServers | None) -> bool:
        return where is not None and "plain" not in (where.imap.security, where.smtp.security)

    return any(is_secured(account.here) or is_secured(account.elsewhere) for account in accounts)
