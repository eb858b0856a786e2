"""What every test may use."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile("loopixmix", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("loopixmix")


@pytest.fixture
def rng() -> random.Random:
    """A seeded generator, so that a failure repeats."""
    return random.Random(20261122)
