"""What signs tokens in a fresh process, with the native module and without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIGN = """
import random
from loopixmix.tokens.signing import generate_key, load_signer
from loopixmix.tokens import TokenKey, begin_token, finish_token, verify_token

signer = load_signer(generate_key(), rng=random.Random(1))
key = TokenKey(purpose="guest", begins_s=0, ends_s=9, public=signer.public)
pending = begin_token(key, random.Random(2))
verify_token(finish_token(pending, signer.sign_many([pending.blinded])[0]), key, 1.0)
print(type(signer).__name__)
"""


def run(script: str) -> str:
    """What a new interpreter prints, warnings being errors there."""
    command = [sys.executable, "-W", "error", "-c", script]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_without_the_native_module_python_signs() -> None:
    assert run("import sys; sys.modules['loopixmix._signing'] = None\n" + SIGN) == "PythonSigner\n"


def test_with_the_native_module_that_signs() -> None:
    pytest.importorskip("loopixmix._signing")
    assert run(SIGN) == "NativeSigner\n"
