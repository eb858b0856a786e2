"""A profile of Thunderbird for mail over the mix network: the accounts are there, and it asks the internet nothing.

Thunderbird looks for the settings, calendars and address books of a new account on the internet, by the account's
domain; the questions to name servers cannot be switched off. In a profile that has its accounts from the beginning,
none of them is asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from leap_plugin.bridge.autoconfiguration import AccountSettings, ConfigurationFile, Security

FOLDER = "thunderbird"
"""The profile, among the files for mail programs."""

STARTED_FILE = "compatibility.ini"
"""Thunderbird writes it when it uses a profile for the first time."""

Preferences: TypeAlias = Mapping[str, str | int | bool]

NOWHERE_PORT = 9
"""Nothing listens there, the port of the protocol Discard: what goes to a proxy there goes nowhere."""

QUIET: Preferences = {
    # All that is not for this machine goes to a proxy that is not there. Thunderbird would go around a proxy that does
    # not answer, unless it is told not to.
    "network.proxy.type": 1,
    "network.proxy.socks": "127.0.0.1",
    "network.proxy.socks_port": NOWHERE_PORT,
    "network.proxy.socks_remote_dns": True,
    "network.proxy.socks5_remote_dns": True,
    "network.proxy.failover_direct": False,
    "network.proxy.allow_bypass": False,
    "network.dns.disablePrefetch": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    # Settings for addresses: if an account is added by hand later.
    "mailnews.auto_config_url": "",
    "mailnews.auto_config.fetchFromISP.enabled": False,
    "mailnews.auto_config.fetchFromExchange.enabled": False,
    # What a mail could make it fetch, and whom it could ask about a mail.
    "mailnews.message_display.disable_remote_image": True,
    "mail.openpgp.keyserver_list": "",
    "mail.phishing.detection.enabled": False,
    "security.OCSP.enabled": 0,
    # News, reports and updates: those of the system's packages are enough.
    "mailnews.start_page.enabled": False,
    "mail.inappnotifications.enabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "toolkit.telemetry.unified": False,
    "extensions.update.enabled": False,
    "extensions.blocklist.enabled": False,
    "app.update.auto": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    # Plain text tells less about the machine, and is shorter.
    "mail.identity.default.compose_html": False,
    "mail.shell.checkDefaultClient": False,
}
_SOCKET_TYPES: dict[Security, int] = {"plain": 0, "starttls": 2, "tls": 3}
_BY_PASSWORD = 3


def profile_files(accounts: Sequence[AccountSettings]) -> tuple[ConfigurationFile, ConfigurationFile]:
    """Return `user.js`, which counts at each start, and the `prefs.js` of a new profile, which Thunderbird changes."""
    return (
        ConfigurationFile("user.js", _written(QUIET)),
        ConfigurationFile("prefs.js", _written(_account_preferences(accounts))),
    )


def _account_preferences(accounts: Sequence[AccountSettings]) -> Preferences:
    numbers = range(1, len(accounts) + 1)
    found: dict[str, str | int | bool] = {
        "mail.accountmanager.accounts": ",".join(f"account{number}" for number in numbers),
        "mail.accountmanager.defaultaccount": "account1",
        "mail.smtpservers": ",".join(f"smtp{number}" for number in numbers),
        "mail.smtp.defaultserver": "smtp1",
    }
    for number, account in enumerate(accounts, 1):
        imap, smtp = account.here.imap, account.here.smtp
        parts: dict[str, Preferences] = {
            f"mail.account.account{number}": {"server": f"server{number}", "identities": f"id{number}"},
            f"mail.server.server{number}": {
                "type": "imap",
                "hostname": imap.host,
                "port": imap.port,
                "userName": account.user,
                "name": account.address,
                "authMethod": _BY_PASSWORD,
                "socketType": _SOCKET_TYPES[imap.security],
                "login_at_startup": True,
                "check_new_mail": True,
            },
            f"mail.identity.id{number}": {
                "fullName": account.address.partition("@")[0],
                "useremail": account.address,
                "valid": True,
                "smtpServer": f"smtp{number}",
            },
            f"mail.smtpserver.smtp{number}": {
                "hostname": smtp.host,
                "port": smtp.port,
                "username": account.user,
                "authMethod": _BY_PASSWORD,
                "try_ssl": _SOCKET_TYPES[smtp.security],
            },
        }
        for place, values in parts.items():
            found |= {f"{place}.{name}": value for name, value in values.items()}
    return found


def _written(preferences: Preferences) -> bytes:
    # JavaScript reads a string, a number and a boolean as JSON writes them.
    return "".join(
        f"user_pref({json.dumps(name)}, {json.dumps(preferences[name])});\n" for name in preferences
    ).encode()
