"""What mail programs are told, for people and in files."""

from __future__ import annotations

import plistlib
from xml.etree import ElementTree

from leap_plugin.bridge.autoconfiguration import (
    AccountSettings,
    apple_file,
    servers,
    settings_lines,
    thunderbird_file,
)

SECRET = "abcd-efgh-jkmn-pqrs-tuvw"
HERE = servers("127.0.0.1", 2587, 2143, smtp_security="plain", imap_security="plain")
ELSEWHERE = servers("192.168.1.5", 2465, 2993, smtp_security="tls", imap_security="tls")
ALICE = AccountSettings(
    address="alice@provider-1.mix.invalid",
    user="alice@provider-1.mix.invalid",
    password=SECRET,
    here=HERE,
    elsewhere=ELSEWHERE,
)


def test_people_are_told_everything_that_they_type() -> None:
    text = "\n".join(settings_lines(ALICE))
    for word in (
        ALICE.address,
        SECRET,
        "2587",
        "2143",
        "none",
        "192.168.1.5",
        "2465",
        "2993",
        "SSL/TLS",
        "devices add",
    ):
        assert word in text
    assert SECRET not in repr(ALICE)


def test_thunderbird_is_told_where_the_servers_are() -> None:
    file = thunderbird_file(ALICE, HERE)
    assert file.name == "provider-1.mix.invalid.xml"
    root = ElementTree.fromstring(file.content)
    assert (root.tag, root.get("version")) == ("clientConfig", "1.1")
    assert root.findtext("emailProvider/domain") == "provider-1.mix.invalid"
    incoming = root.find("emailProvider/incomingServer")
    assert incoming is not None
    assert [(child.tag, child.text) for child in incoming] == [
        ("hostname", "127.0.0.1"),
        ("port", "2143"),
        ("socketType", "plain"),
        ("authentication", "password-cleartext"),
        ("username", "%EMAILADDRESS%"),
    ]
    assert root.findtext("emailProvider/outgoingServer/port") == "2587"
    secured = ElementTree.fromstring(thunderbird_file(ALICE, ELSEWHERE).content)
    assert secured.findtext("emailProvider/outgoingServer/socketType") == "SSL"


def test_apples_mail_is_told_the_same_and_no_password() -> None:
    file = apple_file(ALICE, ELSEWHERE)
    profile = plistlib.loads(file.content)
    [mail] = profile["PayloadContent"]
    assert (mail["IncomingMailServerHostName"], mail["IncomingMailServerPortNumber"]) == ("192.168.1.5", 2993)
    assert (mail["OutgoingMailServerPortNumber"], mail["OutgoingMailServerUseSSL"]) == (2465, True)
    assert SECRET.encode() not in file.content
    # The same account made again takes the place of the old one.
    assert apple_file(ALICE, ELSEWHERE) == file
