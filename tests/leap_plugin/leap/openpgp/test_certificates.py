"""Certificates are read strictly: one, whole, public, of the address, and fit to encrypt to now."""

from __future__ import annotations

import time

import pysequoia
import pytest
from pysequoia import Cert, Tsk

from leap_plugin.leap.openpgp.certificates import MAX_CERTIFICATE_BYTES, BadCertificateError, read_certificate
from tests.worlds.leap import KeyPair

NOW_S = time.time()
ALICE = KeyPair("alice@leap.example")


def test_what_is_encrypted_to_a_certificate_only_its_owner_reads() -> None:
    found = read_certificate(ALICE.armored.encode(), "alice@leap.example", NOW_S)
    content = found.encrypt(b"secret words", NOW_S)
    assert b"secret words" not in content
    assert pysequoia.decrypt(content, decryptor=ALICE.secret.decryptor()).bytes == b"secret words"


def test_a_certificate_is_the_same_in_armour_and_in_bytes() -> None:
    armored = read_certificate(ALICE.armored.encode(), "alice@leap.example", NOW_S)
    again = read_certificate(armored.encoded, "ALICE@leap.example", NOW_S)
    assert (again.fingerprint, again.armored) == (armored.fingerprint, armored.armored)
    assert armored.armored.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "not an OpenPGP certificate"),
        (b"hello", "not an OpenPGP certificate"),
        (bytes(ALICE.certificate)[:-20], "certificate"),
        (bytes(ALICE.certificate) * 2, "not an OpenPGP certificate"),
        (bytes(ALICE.secret), "secret key"),
        (b"\0" * (MAX_CERTIFICATE_BYTES + 1), "bytes"),
        (pysequoia.encrypt(b"a message", recipients=[ALICE.certificate]), "packets"),
        (bytes(KeyPair("bob@leap.example").certificate), "another address"),
        (bytes(KeyPair("alice@leap.example@evil.example").certificate), "another address"),
    ],
    ids=["nothing", "text", "cut", "two", "secret", "long", "message", "of somebody else", "of a look-alike"],
)
def test_all_else_is_refused_in_one_line(data: bytes, told: str) -> None:
    with pytest.raises(BadCertificateError, match=told) as caught:
        read_certificate(data, "alice@leap.example", NOW_S)
    assert "\n" not in str(caught.value)


def test_a_certificate_that_has_expired_is_refused() -> None:
    short = KeyPair("alice@leap.example", validity_s=3600)
    found = read_certificate(bytes(short.certificate), "alice@leap.example", NOW_S)
    with pytest.raises(BadCertificateError, match="expired"):
        read_certificate(bytes(short.certificate), "alice@leap.example", NOW_S + 7200)
    with pytest.raises(BadCertificateError, match="expired"):
        found.encrypt(b"later", NOW_S + 7200)


def test_a_certificate_that_was_revoked_is_refused() -> None:
    secret = Tsk.generate(user_id="alice@leap.example")
    cert = Cert.from_bytes(bytes(secret.extract_certificate()))
    revoked = Cert.from_bytes(bytes(cert) + bytes(cert.revoke(secret.certifier())))
    with pytest.raises(BadCertificateError, match="revoked"):
        read_certificate(bytes(revoked), "alice@leap.example", NOW_S)


def test_a_key_that_only_signs_is_refused() -> None:
    packets = pysequoia.packet.PacketPile.from_bytes(bytes(ALICE.certificate))
    bare = b"".join(bytes(packet) for packet in list(packets)[:4])
    with pytest.raises(BadCertificateError, match="nothing can be encrypted"):
        read_certificate(bare, "alice@leap.example", NOW_S)


def test_a_certificate_tells_nothing_in_logs() -> None:
    assert "alice" not in repr(read_certificate(bytes(ALICE.certificate), "alice@leap.example", NOW_S))
