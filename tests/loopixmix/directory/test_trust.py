"""The trust root and the network's id."""

from __future__ import annotations

import random

import msgspec
import pytest

from loopixmix.directory import TrustedAuthority, TrustRoot
from loopixmix.errors import ConfigError
from loopixmix.keys import IdentityKey
from tests.worlds.networks.models import trust_root_of

RNG = random.Random(1)
KEYS = [IdentityKey.generate(RNG) for _ in range(3)]
ROOT = trust_root_of(*KEYS, threshold=2)


def test_the_network_id_is_as_the_specification_says() -> None:
    root = TrustRoot(
        name="example",
        authorities=(TrustedAuthority(public_key="00" * 32, url="http://a"),),
        threshold=1,
        epoch_length_s=3600,
    )
    assert root.network_id.hex() == "7e67ff57e06c3e9bc38bc1b9a4817f13"


def test_the_network_id_depends_on_everything_but_order_and_addresses() -> None:
    same = [
        msgspec.structs.replace(ROOT, authorities=ROOT.authorities[::-1]),
        msgspec.structs.replace(
            ROOT, authorities=tuple(msgspec.structs.replace(a, url="https://else.where:1/x") for a in ROOT.authorities)
        ),
    ]
    other = [
        msgspec.structs.replace(ROOT, name="other"),
        msgspec.structs.replace(ROOT, threshold=3),
        msgspec.structs.replace(ROOT, epoch_length_s=1800),
        msgspec.structs.replace(ROOT, authorities=ROOT.authorities[:2]),
    ]
    assert {root.network_id for root in same} == {ROOT.network_id}
    assert len({root.network_id for root in other} | {ROOT.network_id}) == 5


def test_a_test_network_has_another_id() -> None:
    # Otherwise whoever hands out a trust root could make clients believe that a true network is one for tests.
    assert not ROOT.test
    assert msgspec.structs.replace(ROOT, test=True).network_id != ROOT.network_id


def test_an_authority_named_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="named twice"):
        trust_root_of(KEYS[0], KEYS[0])


def test_a_threshold_that_cannot_be_reached_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"threshold \(4\) is more than the authorities \(3\)"):
        trust_root_of(*KEYS, threshold=4)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host:80",
        "ftp://host",
        "http://",
        "http://host:port",
        "http://h/?a=1",
        "http://h/#f",
        "http://h /",
        "http://me@h/",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="is not an address"):
        TrustedAuthority(public_key="00" * 32, url=url)
