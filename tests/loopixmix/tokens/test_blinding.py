from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import MisuseError
from loopixmix.tokens.blinding import BadSignatureError, blind, encode_pss, finalize, is_signature, prepare
from loopixmix.tokens.keys import encode_public
from tests.worlds.tokens import private_key, signer_of, token_key

VECTORS = {
    vector["name"]: vector
    for vector in json.loads((Path(__file__).parents[2] / "vectors" / "blind-rsa.json").read_text())["vectors"]
}
KEY = token_key()


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_the_steps_of_a_client_are_those_of_rfc_9474(vector: dict[str, str]) -> None:
    modulus = int(vector["n"], 16)
    public, prepared = encode_public(modulus), bytes.fromhex(vector["input_msg"])
    blinding = pow(int(vector["inv"], 16), -1, modulus)
    blinded, inverse = blind(public, prepared, salt=bytes.fromhex(vector["salt"]), blinding=blinding)
    assert blinded.hex() == vector["blinded_msg"]
    assert int.from_bytes(inverse) == int(vector["inv"], 16)
    signature = finalize(public, prepared, bytes.fromhex(vector["blind_sig"]), inverse)
    assert signature.hex() == vector["sig"]
    assert is_signature(public, prepared, signature)


@pytest.mark.parametrize("vector", [v for v in VECTORS.values() if "encoded_msg" in v])
def test_the_encoding_is_that_of_rfc_9474(vector: dict[str, str]) -> None:
    encoded = encode_pss(bytes.fromhex(vector["input_msg"]), 4095, bytes.fromhex(vector["salt"]))
    assert encoded.hex() == vector["encoded_msg"]


def test_a_message_is_prepared_as_in_rfc_9474() -> None:
    vector = VECTORS["RSABSSA-SHA384-PSS-Randomized"]
    prepared = prepare(bytes.fromhex(vector["msg"]), bytes.fromhex(vector["msg_prefix"]))
    assert prepared.hex() == vector["input_msg"]
    with pytest.raises(MisuseError):
        prepare(b"message", bytes(31))


@given(st.binary(max_size=200), st.binary(min_size=48, max_size=48), st.integers(2, 1 << 2000))
def test_what_is_blinded_and_signed_is_an_ordinary_signature(message: bytes, salt: bytes, blinding: int) -> None:
    blinded, inverse = blind(KEY.public, message, salt=salt, blinding=blinding)
    signature = finalize(KEY.public, message, signer_of().sign_many([blinded])[0], inverse)
    assert is_signature(KEY.public, message, signature)
    assert not is_signature(KEY.public, message + b"!", signature)
    assert not is_signature(token_key(1).public, message, signature)


def test_an_ordinary_signature_of_another_salt_or_hash_is_refused() -> None:
    private = load_der_private_key(private_key(), password=None)
    assert isinstance(private, RSAPrivateKey)
    good = private.sign(b"message", PSS(MGF1(hashes.SHA384()), 48), hashes.SHA384())
    assert is_signature(KEY.public, b"message", good)
    for bad in (
        private.sign(b"message", PSS(MGF1(hashes.SHA384()), 32), hashes.SHA384()),
        private.sign(b"message", PSS(MGF1(hashes.SHA256()), 48), hashes.SHA384()),
        private.sign(b"message", PSS(MGF1(hashes.SHA384()), 48), hashes.SHA256()),
        good[:-1],
        good + b"\0",
        b"",
    ):
        assert not is_signature(KEY.public, b"message", bad)


def test_a_signature_that_the_issuer_got_wrong_is_refused() -> None:
    blinded, inverse = blind(KEY.public, b"message", salt=bytes(48), blinding=3)
    good = signer_of().sign_many([blinded])[0]
    of_another = signer_of(1).sign_many([bytes(1) + blinded[1:]])[0]
    for bad in (good[:-1], good + b"\0", b"", bytes(256), blinded, of_another):
        with pytest.raises(BadSignatureError):
            finalize(KEY.public, b"message", bad, inverse)


def test_a_blind_without_an_inverse_is_refused() -> None:
    private = load_der_private_key(private_key(), password=None)
    assert isinstance(private, RSAPrivateKey)
    with pytest.raises(MisuseError):
        blind(KEY.public, b"message", salt=bytes(48), blinding=private.private_numbers().p)
    with pytest.raises(MisuseError):
        blind(KEY.public, b"message", salt=bytes(47), blinding=3)
