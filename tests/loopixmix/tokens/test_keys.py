from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import FormatError, MisuseError
from loopixmix.tokens import decode_key_set, decode_token_key, encode_key_set, encode_token_key
from loopixmix.tokens.keys import PUBLIC_EXPONENT, TokenKey, decode_public, encode_public, key_faults
from tests.worlds.tokens import token_key

# RFC 9578, appendix A.2: the key of the first vector of the issuance protocol with blind RSA.
RFC_9578_HEAD = (
    "30820152303d06092a864886f70d01010a3030a00d300b0609608648016503040202a11a301806092a864886f70d010108300b0609"
    "608648016503040202a2030201300382010f003082010a0282010100"
)
RFC_9578_MODULUS = (
    "cb1aed6b6a95f5b1ce013a4cfcab25b94b2e64a23034e4250a7eab43c0df3a8c12993af12b111908d4b471bec31d4b6c9ad9cdda90612a2e"
    "e903523e6de5a224d6b02f09e5c374d0cfe01d8f529c500a78a2f67908fa682b5a2b430c81eaf1af72d7b5e794fc98a3139276879757ce45"
    "3b526ef9bf6ceb99979b8423b90f4461a22af37aab0cf5733f7597abe44d31c732db68a181c6cbbe607d8c0e52e0655fd9996dc584eca0be"
    "87afbcd78a337d17b1dba9e828bbd81e291317144e7ff89f55619709b096cbb9ea474cead264c2073fe49740c01f00e109106066983d21e5"
    "f83f086e2e823c879cd43cef700d2a352a9babd612d03cad02db134b7e225a5f"
)
KEY = token_key()


def test_a_public_key_is_written_as_rfc_9578_writes_it() -> None:
    assert encode_public(int(RFC_9578_MODULUS, 16)).hex() == f"{RFC_9578_HEAD}{RFC_9578_MODULUS}0203010001"


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_openssl_reads_the_keys_that_are_written(bits: int) -> None:
    modulus = (1 << bits) - 1_000_001
    loaded = load_der_public_key(encode_public(modulus))
    assert isinstance(loaded, RSAPublicKey)
    assert (loaded.public_numbers().n, loaded.public_numbers().e) == (modulus, PUBLIC_EXPONENT)
    assert decode_public(encode_public(modulus)) == modulus


@pytest.mark.parametrize("modulus", [(1 << 2047) - 1, (1 << 2049) - 1, (1 << 1024) - 1, (1 << 2048) - 2, 0])
def test_a_modulus_of_another_size_or_an_even_one_is_refused(modulus: int) -> None:
    with pytest.raises(MisuseError):
        encode_public(modulus)


@given(st.integers(0, len(KEY.public) - 1), st.integers(1, 255))
def test_no_byte_of_a_key_can_be_changed_to_make_another_encoding_of_it(place: int, change: int) -> None:
    changed = KEY.public[:place] + bytes([KEY.public[place] ^ change]) + KEY.public[place + 1 :]
    try:
        assert encode_public(decode_public(changed)) == changed
        assert decode_public(changed) != KEY.modulus
    except FormatError:
        pass


@given(st.binary(max_size=800))
def test_other_bytes_are_no_key(data: bytes) -> None:
    with pytest.raises(FormatError):
        decode_public(data)
    with pytest.raises(FormatError):
        decode_token_key(data)


def test_the_plain_form_of_a_key_is_refused() -> None:
    body = KEY.public[KEY.public.index(b"\x03\x82\x01\x0f") :]
    plain = bytes.fromhex("30820122300d06092a864886f70d0101010500") + body
    assert isinstance(load_der_public_key(plain), RSAPublicKey)
    with pytest.raises(FormatError):
        decode_public(plain)


def test_a_token_key_comes_back_as_it_was_written() -> None:
    for key in (KEY, token_key(purpose="a", begins_s=0), token_key(purpose="0" * 32, ends_s=2**40)):
        assert decode_token_key(encode_token_key(key)) == key
    assert len(KEY.key_id) == 32
    assert KEY.modulus_bytes == 256


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "another version": lambda data: b"\2" + data[1:],
    "a byte more": lambda data: data + b"\0",
    "a byte less": lambda data: data[:-1],
    "nothing": lambda data: b"",
    "a purpose of other characters": lambda data: data[:2] + b"GUEST" + data[7:],
    "a purpose that is no text": lambda data: data[:2] + b"\xff" + data[3:],
    "no purpose": lambda data: data[:1] + b"\0" + data[7:],
    "a period that ends before it begins": lambda data: data[:7] + data[15:23] + data[7:15] + data[23:],
    "a period without end": lambda data: data[:15] + b"\xff" * 8 + data[23:],
    "a key that is none": lambda data: data[:25] + b"\0" + data[26:],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_token_key_that_is_not_in_order_is_refused(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(FormatError):
        decode_token_key(change(encode_token_key(KEY)))


def test_a_period_begins_with_its_begin_and_ends_before_its_end() -> None:
    assert [KEY.holds_at(now_s) for now_s in (999_999.9, 1_000_000, 1_999_999.9, 2_000_000)] == [
        *(False, True, True, False)
    ]


def test_a_key_set_comes_back_as_it_was_written() -> None:
    keys = (token_key(0, ends_s=1_500_000), token_key(1, begins_s=1_500_000), token_key(2, purpose="mail"))
    assert decode_key_set(encode_key_set(keys)) == keys
    assert decode_key_set(encode_key_set([])) == ()


FAULTY: dict[str, list[TokenKey]] = {
    "overlapping": [token_key(0), token_key(1, begins_s=1_500_000, ends_s=3_000_000)],
    "in another order": [token_key(1, purpose="mail"), token_key(0)],
    "twice the same": [KEY, KEY],
    "one key for two purposes": [KEY, msgspec.structs.replace(KEY, purpose="mail")],
}


@pytest.mark.parametrize("keys", FAULTY.values(), ids=FAULTY)
def test_the_keys_of_one_issuer_leave_it_no_choice(keys: list[TokenKey]) -> None:
    assert list(key_faults(keys)) != []
    with pytest.raises(MisuseError):
        encode_key_set(keys)
    with pytest.raises(FormatError):
        decode_key_set(bytes([1, len(keys)]) + b"".join(encode_token_key(key) for key in keys))


def test_a_key_set_is_bounded_and_whole() -> None:
    good = encode_key_set([KEY])
    for bad in (good + b"\0", good[:-1], b"\2" + good[1:], b"\1", b"", b"\1\x41" + good[2:] * 65, b"\1\2" + good[2:]):
        with pytest.raises(FormatError):
            decode_key_set(bad)
    with pytest.raises(MisuseError):
        encode_key_set([KEY] * 65)
