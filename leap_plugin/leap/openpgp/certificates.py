"""OpenPGP certificates, read strictly: one certificate, whole, public, of the address, and fit to encrypt to now."""

from __future__ import annotations

from datetime import UTC, datetime

from pysequoia import Cert, encrypt
from pysequoia.packet import PacketPile, Tag

from loopixmix.errors import FormatError

MAX_CERTIFICATE_BYTES = 64 * 1024
"""A key of RSA-4096 has 5 KB. Certificates that strangers have signed without end are refused."""

_PUBLIC = (Tag.PublicKey, Tag.PublicSubkey, Tag.UserID, Tag.UserAttribute, Tag.Signature)


class BadCertificateError(FormatError):
    """This is no OpenPGP certificate that can be used for the address."""


class Certificate:
    """The certificate of one address; made by `read_certificate`."""

    def __init__(self, cert: Cert, address: str) -> None:
        """`cert`: was checked; `address`: one of its user ids."""
        self._cert = cert
        self.address = address
        self.fingerprint = cert.fingerprint

    @property
    def armored(self) -> str:
        """The certificate in ASCII armour, as nicknym gives it out."""
        return str(self._cert)

    @property
    def encoded(self) -> bytes:
        """The certificate in bytes."""
        return bytes(self._cert)

    def encrypt(self, plaintext: bytes, now_s: float) -> bytes:
        """Return an armoured message that only the owner reads; raises `BadCertificateError` if it has expired."""
        _check_time(self._cert, now_s)
        try:
            return bytes(encrypt(plaintext, recipients=[self._cert]))
        except (RuntimeError, ValueError) as error:
            raise BadCertificateError(f"nothing can be encrypted to this certificate: {_first_line(error)}") from error

    def __repr__(self) -> str:
        return f"Certificate(fingerprint={self.fingerprint!r})"


def read_certificate(data: bytes, address: str, now_s: float) -> Certificate:
    """Return the certificate of `address` that `data`, armoured or not, holds; raises `BadCertificateError`.

    Refused: several certificates, secret keys, packets of other kinds, one that is revoked or has expired at `now_s`,
    one without a user id of this address, and one that has no key to encrypt to.
    """
    if len(data) > MAX_CERTIFICATE_BYTES:
        raise BadCertificateError(
            f"a certificate of {len(data):,} bytes; at most {MAX_CERTIFICATE_BYTES:,} are allowed"
        )
    try:
        tags = [packet.tag for packet in PacketPile.from_bytes(data)]
        # Before anything is made of them: pysequoia reads a secret key as a certificate, too.
        if any(tag in (Tag.SecretKey, Tag.SecretSubkey) for tag in tags):
            raise BadCertificateError("this is a secret key; only its certificate is needed, and may be told")
        if any(tag not in _PUBLIC for tag in tags):
            raise BadCertificateError("the certificate has packets that do not belong into one")
        cert = Cert.from_bytes(data)
        is_revoked, user_ids = cert.is_revoked, [str(user_id) for user_id in cert.user_ids]
    except (RuntimeError, ValueError) as error:
        raise BadCertificateError(f"not an OpenPGP certificate: {_first_line(error)}") from error
    if is_revoked:
        raise BadCertificateError("the certificate is revoked")
    if address.lower() not in map(_address_in, user_ids):
        raise BadCertificateError("the certificate belongs to another address")
    found = Certificate(cert, address)
    found.encrypt(b"", now_s)
    return found


def _check_time(cert: Cert, now_s: float) -> None:
    expiration = cert.expiration
    if expiration is not None and expiration <= datetime.fromtimestamp(now_s, UTC):
        raise BadCertificateError("the certificate has expired")


def _address_in(user_id: str) -> str:
    # `Alice <alice@example.org>`, or the address alone; what is before the last bracket may claim anything.
    if user_id.endswith(">"):
        return user_id[:-1].rpartition("<")[2].lower()
    return user_id.lower()


def _first_line(error: Exception) -> str:
    # pysequoia appends the stack of its Rust code.
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]
