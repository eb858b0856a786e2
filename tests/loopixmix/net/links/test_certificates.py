"""Certificates hold the identity key and nothing else."""

from __future__ import annotations

import datetime
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from loopixmix.keys import IdentityKey
from loopixmix.net.links.certificates import identity_of, make_certificate
from tests.worlds.networks.certificates import as_openssl, certificate_of_version

IDENTITY = IdentityKey(bytes(range(32)))


def test_the_key_of_the_certificate_is_the_identity() -> None:
    certificate = make_certificate(IDENTITY)
    assert identity_of(as_openssl(certificate)) == IDENTITY.public
    certificate.verify_directly_issued_by(certificate)


def test_the_same_key_gives_the_same_certificate() -> None:
    first, second = make_certificate(IDENTITY), make_certificate(IdentityKey(IDENTITY.seed))
    assert first.public_bytes(serialization.Encoding.DER) == second.public_bytes(serialization.Encoding.DER)


def test_the_certificate_of_the_specification() -> None:
    """docs/protocol/link.md gives this hash."""
    encoded = make_certificate(IDENTITY).public_bytes(serialization.Encoding.DER)
    assert len(encoded) == 176
    assert hashlib.sha256(encoded).hexdigest() == "1711f97231a8fb33977ace788135a5e505a05e6c5eda84b2efa6f25a92c8e08b"


def test_it_names_nobody_and_does_not_end() -> None:
    certificate = make_certificate(IDENTITY)
    assert list(certificate.subject) == list(certificate.issuer) == list(certificate.extensions) == []
    assert certificate.not_valid_before_utc.year == 2000
    assert certificate.not_valid_after_utc.year == 9999


def test_another_kind_of_key_is_no_identity() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    assert identity_of(as_openssl(certificate)) is None


@pytest.mark.parametrize("version", [None, 0, 1, 77])
def test_a_certificate_of_another_version_holds_a_key_like_any_other(version: int | None) -> None:
    certificate = certificate_of_version(version, IDENTITY)
    assert identity_of(certificate) == IDENTITY.public


def test_the_private_key_is_the_identity_seed() -> None:
    public = ed25519.Ed25519PrivateKey.from_private_bytes(IDENTITY.seed).public_key()
    assert public.public_bytes_raw() == IDENTITY.public
