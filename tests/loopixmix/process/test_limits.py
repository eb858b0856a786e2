"""What the system lets this process do."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest

from loopixmix.process.limits import allow_descriptors


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


def test_a_crash_leaves_no_copy_of_the_memory() -> None:
    """In a process of its own: what it gives up does not come back."""
    told = (
        "from loopixmix.process.limits import forbid_core_dumps\n"
        "import resource\n"
        "forbid_core_dumps()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), open('/proc/self/coredump_filter').read().strip())\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout == "(0, 0) 00000000\n"
