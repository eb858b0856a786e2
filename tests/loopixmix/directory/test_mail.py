"""What a provider offers to mail: which domains are some, and which offers contradict themselves."""

from __future__ import annotations

import math
import random

import pytest

from loopixmix.directory import MailOffer
from loopixmix.directory.mail import domain_is_valid, mail_faults
from tests.worlds.networks.models import model_network
from tests.worlds.networks.offers import GATE, gateway_entry, mail_offer, with_offer

NETWORK = model_network(random.Random(1))
PROVIDER = NETWORK.node("provider1").id
OTHER = bytes(reversed(GATE))


@pytest.mark.parametrize("domain", ["example.org", "a.b", "xn--bcher-kva.example", "1and1.de", "a-b.c-d.org"])
def test_a_mail_domain_is_labels_and_dots(domain: str) -> None:
    assert domain_is_valid(domain)


@pytest.mark.parametrize(
    "domain",
    [
        *("", "org", ".org", "org.", "a..b", "Example.org", "exämple.org", "ex_ample.org", "-a.org", "a-.org"),
        *("a b.org", "example.org\n", "1.2.3.4", "home.invalid", "home.mix.invalid", "a.invalid", "[::1].org"),
        *("a@b.org", f"{'a' * 60}.org", f"{'a.' * 32}org"),
    ],
)
def test_what_is_no_mail_domain(domain: str) -> None:
    assert not domain_is_valid(domain)
    assert any("is no mail domain" in fault for fault in mail_faults(mail_offer({domain: None})))


def test_a_good_offer_has_no_fault() -> None:
    offer = mail_offer({"example.net": None, "example.org": "gate"}, gateway_entry("a", OTHER), gateway_entry())
    assert list(mail_faults(offer)) == []
    assert list(mail_faults(mail_offer())) == []


@pytest.mark.parametrize(
    ("offer", "fault"),
    [
        (mail_offer({"b.org": None, "a.org": None}), "the mail domains are not in ascending order"),
        (mail_offer({}, gateway_entry("b"), gateway_entry("a", OTHER)), "the gateways are not in ascending order"),
        (mail_offer({}, gateway_entry("a"), gateway_entry("a", OTHER)), "the gateways are not in ascending order"),
        (mail_offer({}, gateway_entry("a"), gateway_entry("b")), "two gateways have the same key"),
        (mail_offer({}, gateway_entry(payload_rate_per_s=math.nan)), "a rate of the gateway gate is no finite number"),
        (mail_offer({}, gateway_entry(pull_rate_per_s=math.inf)), "a rate of the gateway gate is no finite number"),
    ],
)
def test_an_offer_that_contradicts_itself(offer: MailOffer, fault: str) -> None:
    assert any(found.startswith(fault) for found in mail_faults(offer))


def test_an_address_reaches_an_account() -> None:
    offer = mail_offer({"example.net": None, "example.org": "gate"}, gateway_entry())
    document = with_offer(NETWORK.document, "provider1", offer)
    at_provider, at_domain, at_gateway = (
        document.reach("bob", place) for place in ("provider2", "example.net", "example.org")
    )
    assert at_provider is not None
    assert (at_provider.account, at_provider.provider.name, at_provider.by_domain) == ("bob", "provider2", None)
    assert at_domain is not None
    assert (at_domain.account, at_domain.provider.name, at_domain.gateway) == ("bob", "provider1", None)
    assert at_gateway is not None
    assert (at_gateway.account, at_gateway.provider.id, at_gateway.gateway) == ("gate", PROVIDER, offer.gateways[0])
    assert document.reach("bob", "example.com") is None
    assert document.reach("bob", "mix11") is None, "a mix has no accounts"


def test_the_figures_of_a_gateway_are_its_own_and_all_others_the_networks() -> None:
    document = with_offer(NETWORK.document, "provider1", mail_offer({}, gateway_entry()))
    own = document.figures_of(PROVIDER, GATE)
    assert (own.payload_rate_per_s, own.pull_rate_per_s, own.pull_batch) == (20.0, 4.0, 20)
    assert (own.delay_mean_s, own.epoch_length_s) == (document.params.delay_mean_s, document.params.epoch_length_s)
    assert document.figures_of(PROVIDER, OTHER) is document.params
    # What another provider says of a client does not count.
    assert document.figures_of(NETWORK.node("provider2").id, GATE) is document.params
    assert document.figures_of(bytes(32), GATE) is document.params
