"""The provider's configuration: what `init` writes is what the defaults say, and mistakes are named."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from loopixmix.config import parse_config
from loopixmix.directory import MailOffer
from loopixmix.errors import ConfigError
from loopixmix.node.config import node_toml
from provider.accounts import GuestMode, RegistrationMode, RegistrationRules
from provider.config import ProviderConfig, provider_toml
from provider.store import sqlite_url

TEXT = provider_toml(name="p1", listen="127.0.0.1:30001", advertise="", registration=RegistrationMode.OPEN)
GATEWAY = f'[[gateways]]\naccount = "gate"\nidentity = "{"ab" * 32}"\n'
MINIMAL = 'name = "p1"\nlisten = "127.0.0.1:30001"\n'


def parse(text: str) -> ProviderConfig:
    return parse_config(text, ProviderConfig, source="node.toml")


def test_what_init_writes_are_the_defaults() -> None:
    expected = msgspec.structs.replace(parse(MINIMAL), registration=RegistrationRules(mode=RegistrationMode.OPEN))
    assert parse(TEXT) == expected


def test_registration_is_by_invitation_unless_the_operator_says_otherwise() -> None:
    assert parse(MINIMAL).registration.mode is RegistrationMode.INVITATION
    for mode in RegistrationMode:
        text = provider_toml(name="p1", listen="127.0.0.1:30001", advertise="", registration=mode)
        assert parse(text).registration.mode is mode


def test_guests_may_come_only_if_the_operator_says_so() -> None:
    assert parse(MINIMAL).registration.guests is GuestMode.CLOSED
    for guests in GuestMode:
        text = provider_toml(
            name="p1", listen="127.0.0.1:1", advertise="", registration=RegistrationMode.OPEN, guests=guests
        )
        assert parse(text).registration.guests is guests


def test_services_stand_beside_the_usual_ones() -> None:
    text = provider_toml(
        name="p1",
        listen="127.0.0.1:1",
        advertise="",
        registration=RegistrationMode.OPEN,
        services=("weather", "echo", "votes.board"),
    )
    assert parse(text).services == ("echo", "keys", "loop", "weather", "votes.board")


def test_the_store_is_in_the_directory_or_where_the_operator_says() -> None:
    assert parse(MINIMAL).store_url(Path("/srv/p1")) == sqlite_url(Path("/srv/p1/mail.sqlite3"))
    elsewhere = "postgresql+psycopg://mail@db/p1"
    assert parse(f'{MINIMAL}store = "{elsewhere}"').store_url(Path("/srv/p1")) == elsewhere


def test_services_are_named_and_told_what_they_need() -> None:
    config = parse(MINIMAL + 'services = ["echo", "weather"]\n[service.weather]\nunits = "metric"\nplaces = ["Oslo"]\n')
    assert config.service_names == ("echo", "loop", "weather")
    assert config.service["weather"] == {"units": "metric", "places": ["Oslo"]}
    with pytest.raises(ConfigError, match='no installed package offers "weather"'):
        config.check_services()
    parse(MINIMAL).check_services()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[mailbox]\nquota = 5", r'unknown key "quota" in \[mailbox\] \(allowed: quota_items, '),
        ("[mailbox]\nquota_items = 0", 'key "mailbox.quota_items"'),
        ("[mailbox]\nexpiry_days = 0", 'key "mailbox.expiry_days"'),
        ("[mailbox]\nlease_pulls = 0", 'key "mailbox.lease_pulls"'),
        ('[registration]\nmode = "ajar"', 'key "registration.mode"'),
        ("[registration]\nrate_per_s = 0", 'key "registration.rate_per_s"'),
        ("[registration]\nmax_accounts = 0", 'key "registration.max_accounts"'),
        ('[registration]\nguests = "some"', 'key "registration.guests"'),
        ("[registration]\nguest_days = 0", 'key "registration.guest_days"'),
        ("[registration]\nguest_rate_per_s = 0", 'key "registration.guest_rate_per_s"'),
        ("[registration]\nguest_burst = 0", 'key "registration.guest_burst"'),
        ("[registration]\nmax_guests = 0", 'key "registration.max_guests"'),
        ("[clients]\nmargin = 0.5", 'key "clients.margin"'),
        ("[clients]\nanswer_s = -1", 'key "clients.answer_s"'),
        ("[clients]\nburst_s = 0", 'key "clients.burst_s"'),
        ("[hosting]\nassembly_bytes = 0", 'key "hosting.assembly_bytes"'),
        ("[hosting]\nanswer_bytes = 0", 'key "hosting.answer_bytes"'),
        ("[service_limits.echo]\ntimeout_s = 0", r'key "service_limits\[.*timeout_s'),
        ("[service_limits.echo]\nrecognises_repetition = true", 'unknown key "recognises_repetition"'),
        ("[service.weather]\nunits = {}", 'key "service'),
        ('store = "sqlite://"', 'key "store": sqlite:// forgets all mail'),
        ("services = [1]", r'key "services\[0\]"'),
        ('services = ["Poll"]', 'node.toml: key "services" or "remote": the network document cannot list "Poll"'),
        ('[remote."-poll"]\nsocket = "s"', 'the network document cannot list "-poll"'),
        (f"services = {[f's{n}' for n in range(16)]}", "at most 16 services of a provider, .* not 17"),
        ("registration = 1", 'key "registration"'),
        ('[[domains]]\ndomain = "a.invalid"', r'\[\[domains\]\]: "a.invalid" is no mail domain'),
        ('[[domains]]\ndomain = "a.org"\naccount = "A"', r'key "domains\[0\].account"'),
        ('[[domains]]\ndomain = "a.org"\n' * 2, "the mail domains are not in ascending order, each once"),
        ("".join(f'[[domains]]\ndomain = "a{n}.org"\n' for n in range(33)), r"at most 32 \[\[domains\]\]"),
        (f'[[gateways]]\naccount = "gate"\nidentity = "{"AB" * 32}"', r'key "gateways\[0\].identity"'),
        (GATEWAY + "payload_rate_per_s = 1001.0", r'key "gateways\[0\].payload_rate_per_s"'),
        (GATEWAY + "pull_batch = 257", r'key "gateways\[0\].pull_batch"'),
        (GATEWAY + "mailbox_items = 0", r'key "gateways\[0\].mailbox_items"'),
        (GATEWAY + "pull_batch = 20", 'the pulls of "gate" fetch 80 items a second .* at least 304.5'),
        (GATEWAY + GATEWAY.replace('"gate"', '"other"'), "two gateways have the same key"),
    ],
)
def test_mistakes_are_named(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        parse(MINIMAL + text)


def test_settings_for_a_service_that_is_not_hosted_are_an_error() -> None:
    with pytest.raises(ConfigError, match='settings for the service "votes"'):
        parse(MINIMAL + "[service.votes]\na = 1\n").check_services()
    with pytest.raises(ConfigError, match='limits for the service "votes"'):
        parse(MINIMAL + "[service_limits.votes]\nqueue = 1\n").check_services()


def test_the_document_is_told_the_quota_the_domains_and_the_gateways() -> None:
    assert parse(MINIMAL).mail_offer == MailOffer(mailbox_items=20_000)
    text = MINIMAL + "[mailbox]\nquota_items = 60000\n" + GATEWAY
    text += '[[domains]]\ndomain = "b.org"\naccount = "gate"\n[[domains]]\ndomain = "a.org"\n'
    config = parse(text)
    offer = config.mail_offer
    assert offer.mailbox_items == 60_000
    assert [(each.domain, each.account) for each in offer.domains] == [("a.org", None), ("b.org", "gate")]
    [gateway] = offer.gateways
    assert (gateway.account, gateway.identity, gateway.payload_rate_per_s) == ("gate", bytes.fromhex("ab" * 32), 100.0)
    assert config.gateway_items == {bytes.fromhex("ab" * 32): 1_000_000}


def test_a_new_provider_may_be_given_larger_mailboxes() -> None:
    text = provider_toml(
        name="p1", listen="127.0.0.1:1", advertise="", registration=RegistrationMode.OPEN, mailbox_items=60_000
    )
    assert parse(text).mailbox.quota_items == 60_000


def test_the_directory_of_a_mix_is_no_providers() -> None:
    made = node_toml(name="mix1", listen="127.0.0.1:30001", advertise="")
    with pytest.raises(ConfigError) as raised:
        parse_config(made, ProviderConfig, source="node.toml")
    assert 'node.toml: key "role": this is the directory of a mix, which  loopixmix mix run  runs' in str(raised.value)
