"""What every test may use."""

from __future__ import annotations

import random
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path[:0] = [str(Path(__file__).parent / "worlds"), str(Path(__file__).parent)]

# A shell that runs the tests in the background has them ignore SIGINT, and with them the programs that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("loopixmix", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("loopixmix")


@pytest.fixture
def rng() -> random.Random:
    """A seeded generator, so that a failure repeats."""
    return random.Random(20261122)
