"""The certificate of a bridge: made once, for thirty years, and never changed by itself.

Mail programs ask their user about it once, and again only if it changes. So it changes only by a command.
"""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from twisted.internet.ssl import CertificateOptions, TLSVersion

from loopixmix.errors import ConfigError
from loopixmix.process.files import write_atomically
from loopixmix.seams import Rng

CERTIFICATE_FILE = "bridge.pem"
YEARS = 30
# NIST SP 800-186, 3.2.1.3: the order of P-256, which all mail programs know; of Ed25519 many phones do not.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def make_certificate(path: Path, *, addresses: tuple[str, ...], rng: Rng, now_s: float) -> None:
    """Write a new key with its certificate, for this machine and for `addresses`, into `path`, in place of others."""
    key = ec.derive_private_key(rng.randrange(1, _ORDER), ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "LoopixMix mail bridge")])
    now = datetime.fromtimestamp(now_s, UTC)
    numbers = dict.fromkeys(("127.0.0.1", *addresses))
    names = [x509.DNSName("localhost"), *(x509.IPAddress(ipaddress.ip_address(number)) for number in numbers)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(rng.getrandbits(120) + 1)
        # The clock of a phone may be a little behind.
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_atomically(path, private + certificate.public_bytes(Encoding.PEM))


def fingerprint(path: Path) -> str:
    """Return the SHA-256 fingerprint of the certificate in `path`, as mail programs show it."""
    digest = hashlib.sha256(_certificate(path).public_bytes(Encoding.DER)).hexdigest().upper()
    return ":".join(digest[place : place + 2] for place in range(0, len(digest), 2))


def names_in(path: Path) -> frozenset[str]:
    """Return the host names and numeric addresses that the certificate in `path` is for."""
    try:
        found = _certificate(path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        # It is not one that we made.
        return frozenset()
    return frozenset(found.get_values_for_type(x509.DNSName)) | {
        str(number) for number in found.get_values_for_type(x509.IPAddress)
    }


def public_part(path: Path) -> bytes:
    """Return the certificate in `path` without its key, in PEM."""
    return _certificate(path).public_bytes(Encoding.PEM)


def tls_context(path: Path) -> CertificateOptions:
    """Return what TLS servers need of Twisted; raise `ConfigError` if the file is damaged or others may read it."""
    certificate = _certificate(path)
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path}: others may read this private key; run  chmod 600 {path}")
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path}: is not a certificate with its key") from error
    if key.public_key() != certificate.public_key():
        raise ConfigError(f"{path}: the key is not that of the certificate")
    # Twisted's types still name the classes of pyOpenSSL, which pyOpenSSL gives up.
    mine: Any = {"privateKey": key, "certificate": certificate}
    return CertificateOptions(**mine, raiseMinimumTo=TLSVersion.TLSv1_2)


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; make one with  loopixmix mail setup {path.parent}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError:
        raise ConfigError(f"{path}: is not a certificate with its key") from None
