"""How many files this process may have open."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from loopixmix.process.descriptors import allow_descriptors


@pytest.fixture
def hard() -> Iterator[int]:
    """The limit that this process cannot raise; its own limit is far below it, and put back afterwards."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    low = min(soft, 512) if soft != resource.RLIM_INFINITY else 512
    resource.setrlimit(resource.RLIMIT_NOFILE, (low, hard))
    yield 1_000_000_000 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def soft() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_the_limit_is_raised_as_far_as_is_wanted(hard: int) -> None:
    assert allow_descriptors(600) == 600
    assert soft() == 600
    assert allow_descriptors(100) == 100
    assert soft() == 600


def test_it_is_raised_no_further_than_the_system_permits(hard: int) -> None:
    if hard == 1_000_000_000:
        pytest.skip("this system sets no limit")
    assert allow_descriptors(hard + 1) == hard
    assert soft() == hard
