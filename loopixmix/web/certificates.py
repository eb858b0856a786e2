"""Certificates by which a program serves pages to other machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates
from twisted.internet.ssl import CertificateOptions, TLSVersion

from loopixmix.errors import ConfigError


def tls_options(certificate: Path, key: Path) -> CertificateOptions:
    """Return what TLS needs: a chain of certificates in PEM, its own first, and its key.

    Raises `ConfigError` if a file is missing or damaged, or if others may read the key.
    """
    try:
        own, *further = load_pem_x509_certificates(certificate.read_bytes())
        if key.stat().st_mode & 0o077:
            raise ConfigError(f"{key}: others may read this private key; run  chmod 600 {key}")
        private = load_pem_private_key(key.read_bytes(), None)
        if private.public_key() != own.public_key():
            raise ValueError("the key is that of another certificate")
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{certificate} and {key} are not a certificate and its key") from error
    # Twisted's types still name the classes of pyOpenSSL, which pyOpenSSL gives up.
    mine: Any = {"privateKey": private, "certificate": own, "extraCertChain": further}
    return CertificateOptions(**mine, raiseMinimumTo=TLSVersion.TLSv1_2)
