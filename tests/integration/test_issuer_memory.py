"""The memory of an issuer of statistics that has erased a key holds nothing of it."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from stats.issue.surveys import SURVEYS, add_survey
from stats.questionnaire.questionnaire import Periods
from tests.worlds.memory import found_in_memory
from tests.worlds.stats.issuers import BEFORE_S, OPENS_S, survey_draft

pytest.importorskip("loopixmix._signing", reason="Python's integers sign, and are not overwritten")

DAY_S = 86_400
ISSUER = """
import random
import sys
from pathlib import Path
from loopixmix.tokens import decode_token_key
from stats.issue.surveys import IssuedSurveys

surveys = IssuedSurveys(Path(sys.argv[1]), rng=random.SystemRandom())
for line in sys.stdin:
    now_s = float(line)
    surveys.refresh(now_s, ended=lambda key_id: None, closed=lambda draft_id: None)
    signing = 0
    for key in surveys.keys_of(surveys.places()[0]):
        held = surveys.find(key.key_id, now_s)
        if held is not None:
            signing += len(held.signer.sign_many([bytes(1) + bytes(255 * [7])] * 20)) == 20
        del held
    print(signing, flush=True)
"""


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    draft = survey_draft(periods=Periods(length_s=DAY_S, count=3))
    add_survey(tmp_path, draft, now_s=BEFORE_S, rng=random.Random(29), told=lambda _: None)
    command = [sys.executable, "-P", "-c", ISSUER, str(tmp_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def at(issuer: subprocess.Popen[str], now_s: float) -> str:
    """Let the issuer look at its keys at this time; return how many of them sign."""
    assert issuer.stdin is not None
    assert issuer.stdout is not None
    print(now_s, file=issuer.stdin, flush=True)
    return issuer.stdout.readline().strip()


def secrets_of(path: Path) -> list[bytes]:
    """Return the secret numbers of a key, with their bytes in either order."""
    key = load_der_private_key(path.read_bytes(), password=None)
    assert isinstance(key, RSAPrivateKey)
    numbers = key.private_numbers()
    values = (numbers.p, numbers.q, numbers.d, numbers.dmp1, numbers.dmq1)
    written = [value.to_bytes((value.bit_length() + 7) // 8) for value in values]
    return [*written, *(each[::-1] for each in written)]


def test_erased_keys_of_an_issuer_are_nowhere_in_memory(issuer: subprocess.Popen[str], tmp_path: Path) -> None:
    keys = [secrets_of(path) for path in sorted(tmp_path.glob(f"{SURVEYS}/*/*.pkcs8"))]
    assert at(issuer, BEFORE_S) == "3"
    for key in keys:
        assert found_in_memory(issuer.pid, key), "a key that counts must be found, or nothing here would be"
    for period, key in enumerate(keys):
        assert at(issuer, OPENS_S + (period + 1) * DAY_S) == str(2 - period)
        assert found_in_memory(issuer.pid, key) == []
