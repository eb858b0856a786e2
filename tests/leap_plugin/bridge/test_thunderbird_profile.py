"""The profile of Thunderbird, read as Thunderbird reads it: line by line. The program itself reads it elsewhere."""

from __future__ import annotations

import json
import re

import pytest

from leap_plugin.bridge.autoconfiguration import AccountSettings, Security, servers
from leap_plugin.bridge.thunderbird_profile import profile_files


def account(address: str, security: Security = "plain") -> AccountSettings:
    where = servers("127.0.0.1", 2587, 2143, smtp_security=security, imap_security=security)
    return AccountSettings(address=address, user=address, password="a secret", here=where)


def read(content: bytes) -> dict[str, object]:
    lines = [re.fullmatch(r'user_pref\("([^"]+)", (.*)\);', line) for line in content.decode().splitlines()]
    assert all(lines)
    return {line[1]: json.loads(line[2]) for line in lines if line}


def test_each_account_has_its_own_servers() -> None:
    _, prefs = profile_files([account("alice@provider-1.mix.invalid"), account("bob@example.org")])
    found = read(prefs.content)
    assert found["mail.accountmanager.accounts"] == "account1,account2"
    assert found["mail.account.account2.server"] == "server2"
    assert found["mail.server.server2.userName"] == "bob@example.org"
    assert (found["mail.server.server2.hostname"], found["mail.server.server2.port"]) == ("127.0.0.1", 2143)
    assert found["mail.identity.id2.smtpServer"] == "smtp2"
    assert (found["mail.smtpserver.smtp2.port"], found["mail.smtpserver.smtp2.try_ssl"]) == (2587, 0)
    assert found["mail.identity.id1.fullName"] == "alice"


@pytest.mark.parametrize(("security", "number"), [("plain", 0), ("starttls", 2), ("tls", 3)])
def test_the_security_of_the_bridges_ports(security: Security, number: int) -> None:
    found = read(profile_files([account("alice@example.org", security)])[1].content)
    assert (found["mail.server.server1.socketType"], found["mail.smtpserver.smtp1.try_ssl"]) == (number, number)


def test_no_password_is_written() -> None:
    assert all(b"secret" not in file.content for file in profile_files([account("alice@example.org")]))


def test_nothing_goes_around_the_proxy_that_is_not_there() -> None:
    user, _ = profile_files([account("alice@example.org")])
    assert user.name == "user.js"
    found = read(user.content)
    assert (found["network.proxy.type"], found["network.proxy.socks_port"]) == (1, 9)
    assert (found["network.proxy.allow_bypass"], found["network.proxy.failover_direct"]) == (False, False)
    assert not any(name.startswith("mail.accountmanager") for name in found), "accounts added later must stay"
