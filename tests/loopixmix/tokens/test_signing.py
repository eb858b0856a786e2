from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateNumbers,
    RSAPublicNumbers,
    generate_private_key,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from loopixmix.errors import FormatError, MisuseError
from loopixmix.tokens.signing import (
    NativeSigner,
    PythonSigner,
    Signer,
    SigningFaultError,
    generate_key,
    load_signer,
)
from tests.worlds.tokens import private_key

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "blind-rsa.json").read_text())["vectors"]


class CountingRng(random.Random):
    """Counts the numbers that were drawn from it."""

    drawn = 0

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        self.drawn += 1
        return super().randrange(start, stop, step)


def signers(private: bytes) -> list[Signer]:
    """Return every signer that is here."""
    found: list[Signer] = [PythonSigner(private, rng=random.Random(1))]
    if isinstance(load_signer(private, rng=random.Random(1)), NativeSigner):
        found += [NativeSigner(private, threads=1), NativeSigner(private, threads=2)]
    return found


def private_of(vector: dict[str, str]) -> bytes:
    p, q, d, n = (int(vector[name], 16) for name in "pqdn")
    numbers = RSAPrivateNumbers(
        p, q, d, rsa_crt_dmp1(d, p), rsa_crt_dmq1(d, q), rsa_crt_iqmp(p, q), RSAPublicNumbers(65537, n)
    )
    return numbers.private_key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_signatures_are_those_of_rfc_9474(vector: dict[str, str]) -> None:
    for signer in signers(private_of(vector)):
        assert [s.hex() for s in signer.sign_many([bytes.fromhex(vector["blinded_msg"])])] == [vector["blind_sig"]]


@settings(max_examples=15)
@given(st.lists(st.binary(min_size=255, max_size=255), max_size=5))
def test_all_signers_agree(messages: list[bytes]) -> None:
    blinded = [b"\0" + message for message in messages]
    results = [signer.sign_many(blinded) for signer in signers(private_key())]
    assert all(result == results[0] for result in results)
    assert len(results[0]) == len(blinded)


def test_the_smallest_and_largest_messages_are_signed() -> None:
    for signer in signers(private_key()):
        modulus = int.from_bytes(signer.public[-261:-5])
        blinded = [number.to_bytes(256) for number in (0, 1, modulus - 1)]
        assert signer.sign_many(blinded) == blinded


@pytest.mark.parametrize("bad", [b"", bytes(255), bytes(257), b"\xff" * 256])
def test_what_is_not_below_the_modulus_is_not_signed(bad: bytes) -> None:
    for signer in signers(private_key()):
        with pytest.raises(MisuseError):
            signer.sign_many([bytes(256), bad])


def test_python_blinds_each_base_anew() -> None:
    rng = CountingRng(1)
    PythonSigner(private_key(), rng=rng).sign_many([bytes(255) + b"\2"] * 3)
    assert rng.drawn == 3


def test_a_signature_that_is_wrong_modulo_one_prime_is_not_given_out() -> None:
    # With it, gcd(signature ** e - message, modulus) would be the other prime (Boneh, DeMillo & Lipton 1997).
    signer = PythonSigner(private_key(), rng=random.Random(1))
    signer._dp += 2
    with pytest.raises(SigningFaultError):
        signer.sign_many([bytes(255) + b"\2"])


def test_only_private_keys_of_the_right_kind_are_loaded() -> None:
    as_der = (Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    for bad in (
        b"",
        b"key",
        private_key()[:-1],
        Ed25519PrivateKey.generate().private_bytes(*as_der),
        generate_private_key(3, 2048).private_bytes(*as_der),
        generate_private_key(65537, 2560).private_bytes(*as_der),
    ):
        with pytest.raises((FormatError, MisuseError)) as caught:
            load_signer(bad, rng=random.Random(1))
        assert bad.hex() not in str(caught.value) or not bad
        with pytest.raises((FormatError, MisuseError)):
            PythonSigner(bad, rng=random.Random(1))


def test_keys_are_made_in_the_sizes_that_count_only() -> None:
    with pytest.raises(MisuseError):
        generate_key(1024)
    assert load_signer(generate_key(3072), rng=random.Random(1)).sign_many([bytes(384)]) == [bytes(384)]


def test_the_private_key_does_not_show() -> None:
    for signer in signers(private_key()):
        assert private_key().hex()[100:160] not in repr(signer)
