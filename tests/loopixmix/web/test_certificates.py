from __future__ import annotations

import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from twisted.internet.ssl import CertificateOptions

from leap_plugin.directory.certificate import make_certificate
from loopixmix.errors import ConfigError
from loopixmix.web.certificates import tls_options


def parts(path: Path, seed: int = 1) -> tuple[Path, Path]:
    """Return files with a certificate and with its key."""
    both, certificate, key = path / f"{seed}.pem", path / f"{seed}.certificate", path / f"{seed}.key"
    make_certificate(both, addresses=(), rng=random.Random(seed), now_s=1.8e9)
    private = load_pem_private_key(both.read_bytes(), None)
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)
    certificate.touch(mode=0o600)
    certificate.write_bytes(both.read_bytes()[both.read_bytes().index(b"-----BEGIN CERTIFICATE") :])
    return certificate, key


def test_a_certificate_with_its_key_and_further_ones_serves(tmp_path: Path) -> None:
    certificate, key = parts(tmp_path)
    further, _ = parts(tmp_path, 2)
    certificate.write_bytes(certificate.read_bytes() + further.read_bytes())
    options = tls_options(certificate, key)
    assert isinstance(options, CertificateOptions)
    assert options.getContext() is not None


def test_what_does_not_serve_is_told(tmp_path: Path) -> None:
    certificate, key = parts(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        tls_options(tmp_path / "none", key)
    with pytest.raises(ConfigError, match="are not a certificate and its key"):
        tls_options(key, key)
    with pytest.raises(ConfigError, match="are not a certificate and its key"):
        tls_options(certificate, certificate)
    key.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read"):
        tls_options(certificate, key)


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    certificate, _ = parts(tmp_path)
    _, other = parts(tmp_path, 2)
    with pytest.raises(ConfigError, match="are not a certificate and its key"):
        tls_options(certificate, other)
