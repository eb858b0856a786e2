"""Limits are positive; the census holds incoming connections against them."""

from __future__ import annotations

import dataclasses

import pytest

from loopixmix.errors import MisuseError
from loopixmix.net.limits import Census, LinkLimits, address_group


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(LinkLimits)])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_limit_that_is_not_positive_is_refused(name: str, value: float) -> None:
    with pytest.raises(MisuseError, match=name):
        LinkLimits(**{name: value})


@pytest.mark.parametrize(
    ("host", "group"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("somewhere", "somewhere"),
    ],
)
def test_what_counts_as_one_address(host: str, group: str) -> None:
    assert address_group(host) == group


def test_no_more_from_one_address_than_it_may_have() -> None:
    census = Census(LinkLimits(max_links_per_address=2))
    assert census.enter("2001:db8::1")
    assert census.enter("2001:db8::2")
    assert not census.enter("2001:db8::3")
    assert census.enter("2001:db8:0:1::3")
    census.leave("2001:db8::1", was_open=False)
    assert census.enter("2001:db8::3")


def test_opening_and_open_connections_have_their_own_bounds() -> None:
    census = Census(LinkLimits(max_opening_links=1, max_links=2))
    for number in range(2):
        assert census.enter(f"192.0.2.{number}")
        assert not census.enter("192.0.2.9")
        census.opened(f"192.0.2.{number}")
    assert not census.enter("192.0.2.9")
    assert (census.opening, census.open) == (0, 2)
    census.leave("192.0.2.0", was_open=True)
    assert census.enter("192.0.2.9")
    assert (census.opening, census.open) == (1, 1)


def test_one_address_cannot_take_every_place_for_opening_connections() -> None:
    census = Census(LinkLimits(max_opening_links_per_address=1))
    assert census.enter("192.0.2.1")
    assert not census.enter("192.0.2.1")
    assert census.enter("192.0.2.2")
    census.opened("192.0.2.1")
    assert census.enter("192.0.2.1")
