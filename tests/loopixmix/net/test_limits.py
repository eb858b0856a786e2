"""Limits are positive; networks of IPv6 count as one address."""

from __future__ import annotations

import dataclasses

import pytest

from loopixmix.errors import MisuseError
from loopixmix.net.limits import LinkLimits, address_group


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
