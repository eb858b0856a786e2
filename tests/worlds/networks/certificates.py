"""Certificates as only a hostile or an old program makes them."""

from __future__ import annotations

from cryptography import x509
from OpenSSL import crypto

from loopixmix.keys import IdentityKey
from loopixmix.net.links.certificates import make_certificate, private_key

_VERSION_3 = bytes.fromhex("a003020102")
_ED25519 = bytes.fromhex("300506032b6570")


def certificate_of_version(number: int | None, identity_key: IdentityKey) -> crypto.X509:
    """Return the certificate of an identity key, with another number of its version, or none."""
    head = 3 if make_certificate(identity_key).tbs_certificate_bytes[1] > 127 else 2
    fields = make_certificate(identity_key).tbs_certificate_bytes[head:]
    assert fields.startswith(_VERSION_3)
    version = b"" if number is None else _VERSION_3[:-1] + bytes([number])
    signed = _sequence(version + fields.removeprefix(_VERSION_3))
    signature = private_key(identity_key).sign(signed)
    encoded = _sequence(signed + _ED25519 + b"\x03\x41\x00" + signature)
    return crypto.load_certificate(crypto.FILETYPE_ASN1, encoded)


def as_openssl(certificate: x509.Certificate) -> crypto.X509:
    """Return a certificate in the form in which a connection has it."""
    return crypto.X509.from_cryptography(certificate)


def _sequence(content: bytes) -> bytes:
    length = bytes([len(content)]) if len(content) < 128 else bytes([0x81, len(content)])
    return b"\x30" + length + content
