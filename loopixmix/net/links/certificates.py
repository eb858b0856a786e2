"""Certificates that say nothing but a key.

TLS wants X.509; our peers pin Ed25519 identity keys. So each node shows a self-signed certificate around its identity
key with empty names and the longest validity there is (RFC 5280, 4.1.2.5). Ed25519 signs deterministically: the same
key always gives the same certificate.
"""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from OpenSSL.crypto import X509, Error

from loopixmix.keys import IdentityKey
from loopixmix.seams import Identity

_NOT_BEFORE = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
_NOT_AFTER = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
_NO_NAME = x509.Name([])
_SERIAL_NUMBER = 1


def private_key(identity_key: IdentityKey) -> Ed25519PrivateKey:
    """Return the identity key in the form that TLS takes."""
    return Ed25519PrivateKey.from_private_bytes(identity_key.seed)


def make_certificate(identity_key: IdentityKey) -> x509.Certificate:
    """Return the self-signed certificate of an identity key."""
    key = private_key(identity_key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_NO_NAME)
        .issuer_name(_NO_NAME)
        .public_key(key.public_key())
        .serial_number(_SERIAL_NUMBER)
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
    )
    return builder.sign(key, None)


def identity_of(certificate: X509) -> Identity | None:
    """Return the Ed25519 key in a peer's certificate, or None if it holds another kind or none that can be read.

    Nothing else in the certificate matters: TLS 1.3 proves that the peer has the private half.
    """
    # Through OpenSSL, which has taken the certificate apart already. `cryptography` would do it once more, and raise
    # errors of many kinds over what it does not like, such as a version that is long out of use.
    try:
        key = certificate.get_pubkey().to_cryptography_key()
    except (Error, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key.public_bytes_raw() if isinstance(key, Ed25519PublicKey) else None
