"""Which arithmetic a fresh process takes, with the native module and without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from loopixmix.sphinx import arithmetic_names

ROOT = Path(__file__).parents[2]
ROUND_TRIP = """
import random
from loopixmix.keys import MixKey
from loopixmix.sphinx import Deliver, Geometry, Hop, Sphinx, arithmetic_names, load_arithmetic
from loopixmix.sphinx import open_payload, unwrap, wrap

rng, sphinx = random.Random(1), Sphinx(Geometry(), load_arithmetic())
key = MixKey.generate(rng)
packet = wrap([Hop(key.public, Deliver(bytes(32)))], b"hello", sphinx=sphinx, rng=rng)
found = unwrap([key.private], packet, sphinx=sphinx)
assert open_payload(found.payload_key, found.body, sphinx=sphinx).payload == b"hello"
"""


def run(script: str) -> str:
    """What a new interpreter prints, warnings being errors there."""
    command = [sys.executable, "-W", "error", "-c", script]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_without_the_native_module_the_reference_arithmetic_serves() -> None:
    missing = "import sys; sys.modules['loopixmix._native'] = None\n"

    assert (
        run(missing + ROUND_TRIP + "print(load_arithmetic().name, arithmetic_names())") == "reference ('reference',)\n"
    )


@pytest.mark.skipif("native" not in arithmetic_names(), reason="the native arithmetic is not built here")
def test_with_the_native_module_sphinxmix_is_never_loaded() -> None:
    """It would bring petlib and pytest into every node."""
    loaded = "import sys; print(load_arithmetic().name, {'sphinxmix', 'petlib', 'pytest'} & set(sys.modules))"

    assert run(ROUND_TRIP + loaded) == "native set()\n"
