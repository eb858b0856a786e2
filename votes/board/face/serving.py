"""The site of the public face, within bounds."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.web.resource import IResource
from twisted.web.server import Request

from loopixmix.errors import ConfigError
from loopixmix.seams import Clock
from loopixmix.web.sites import BoundedFactory, BoundedRequest, QuietSite
from votes.board.face.routes import BoardFace
from votes.board.uploads import MOST_PART_BYTES
from votes.record.entries import MOST_BODY_BYTES, EntryKind

MOST_CONNECTIONS, MOST_PER_ADDRESS = 512, 64
MOST_BODY = max(MOST_PART_BYTES, MOST_BODY_BYTES[EntryKind.RECORD])
IDLE_TIMEOUT_S = 60.0


def tls_options(certificate: Path, key: Path) -> CertificateOptions:
    """Return what TLS needs: a chain of certificates in PEM, the face's own first, and its key.

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


def face_factory(face: BoardFace, *, clock: Clock) -> BoundedFactory:
    """Return the factory to listen with."""
    make_request = partial(BoundedRequest, limit_bytes=MOST_BODY, discard_bytes=MOST_BODY, too_long=_too_long)
    site = QuietSite(
        cast("IResource", face.app.resource()), clock=clock, make_request=make_request, idle_timeout_s=IDLE_TIMEOUT_S
    )
    return BoundedFactory(site, most=MOST_CONNECTIONS, most_per_address=MOST_PER_ADDRESS)


def _too_long(request: Request) -> bytes:
    request.setResponseCode(413)
    request.setHeader("Content-Type", "text/plain; charset=utf-8")
    return f"a body has at most {MOST_BODY} bytes\n".encode()
