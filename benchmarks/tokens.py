"""Blind tokens: taken with their durable insert into the table of spent ones, and issued; beside bare primitives."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from benchmarks.report import OUTPUT, Figure, barred
from loopixmix.store.commits import SharedCommits
from loopixmix.tokens import Token, TokenKey, begin_token, encode_token, finish_token
from loopixmix.tokens.exchange import encode_issue_request, most_messages
from loopixmix.tokens.redeeming import FixedKeys, Redeeming
from loopixmix.tokens.signing import generate_key, load_signer
from provider.tokens.codes import CodeList, add_code
from provider.tokens.issuing import Issuing
from provider.tokens.keys import IssuerKeys
from provider.tokens.services import IssuerService, RedeemerService
from provider.tokens.store import SPENT, open_token_store

VERIFY_BAR_PER_S = 2000
ISSUE_BAR_PER_S = 100
TAKEN = 6000
ISSUED_REQUESTS = 60
NOW_S = 1_000_000.0
HOUR_S = 3600
PADDING = PSS(MGF1(hashes.SHA384()), 48)


def measure() -> list[Figure]:
    """Measure on a store on the disk of this directory, and return the figures of tokens."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUTPUT) as directory:
        private = load_der_private_key(generate_key(), password=None)
        assert isinstance(private, RSAPrivateKey)
        signature = private.sign(b"message", PADDING, hashes.SHA384())
        public = private.public_key()
        bare_verify = rate_of(lambda: public.verify(signature, b"message", PADDING, hashes.SHA384()))
        bare_sign = rate_of(lambda: private.sign(b"message", PADDING, hashes.SHA384()))
        taken, issued = taken_per_s(Path(directory)), issued_per_s(Path(directory))
    return [
        barred("token_verify_per_s", taken, "1/s", bar=VERIFY_BAR_PER_S, better="higher", reference=bare_verify),
        barred("token_issue_per_s", issued, "1/s", bar=ISSUE_BAR_PER_S, better="higher", reference=bare_sign),
    ]


def taken_per_s(directory: Path) -> float:
    """Return how many tokens a redeemer takes in a second, each once, and each on the disk before it is answered."""
    signer, rng = load_signer(generate_key(), rng=random.Random(1), threads=2), random.Random(2)
    key = TokenKey(purpose="guest", begins_s=0, ends_s=2_000_000, public=signer.public)
    tokens = [encode_token(token) for token in _tokens(key, signer.sign_many, rng)]
    store = open_token_store(directory)
    commits, redeeming = SharedCommits(store), Redeeming(FixedKeys([key]), SPENT)

    def take(data: bytes) -> bool:
        checked = redeeming.check(data, NOW_S)
        return commits.write(lambda connection: redeeming.spend(connection, checked))

    with ThreadPoolExecutor(RedeemerService.declaration.threads) as pool:
        begin = time.perf_counter()
        taken = sum(pool.map(take, tokens))
        seconds = time.perf_counter() - begin
    store.close()
    if taken != len(tokens):
        raise RuntimeError(f"{taken} of {len(tokens)} tokens were taken")
    return taken / seconds


def issued_per_s(directory: Path) -> float:
    """Return how many tokens an issuer signs in a second, in requests of seven, each counted on the disk."""
    keys = IssuerKeys(directory / "keys", purposes=["guest"], period_s=HOUR_S, rng=random.Random(3))
    key, rng = keys.refresh(NOW_S)[0], random.Random(4)
    count = most_messages(key)
    directory = directory / "issuer"
    directory.mkdir()
    store = open_token_store(directory)
    code = store.write(lambda connection: add_code(connection, tokens=10_000, last_day=10_000, rng=rng))
    issuing = Issuing(keys=keys, credentials=CodeList(), commits=SharedCommits(store))
    bodies = [
        encode_issue_request(key, code.encode(), [rng.randrange(key.modulus).to_bytes(256) for _ in range(count)])
        for _ in range(ISSUED_REQUESTS)
    ]
    with ThreadPoolExecutor(IssuerService.declaration.threads) as pool:
        begin = time.perf_counter()
        answers = list(pool.map(lambda body: issuing.issue(body, NOW_S), bodies))
        seconds = time.perf_counter() - begin
    store.close()
    if {len(answer) for answer in answers} != {256 * count}:
        raise RuntimeError("not every message was signed")
    return count * ISSUED_REQUESTS / seconds


def rate_of(job: Callable[[], object]) -> float:
    """Return how often a job is done in a second, by one thread."""
    times = 0
    begin = time.perf_counter()
    while (seconds := time.perf_counter() - begin) < 1:
        job()
        times += 1
    return times / seconds


def _tokens(key: TokenKey, sign_many: Callable[[Sequence[bytes]], list[bytes]], rng: random.Random) -> list[Token]:
    pending = [begin_token(key, rng) for _ in range(TAKEN)]
    signatures = sign_many([each.blinded for each in pending])
    return [finish_token(each, signature) for each, signature in zip(pending, signatures, strict=True)]
