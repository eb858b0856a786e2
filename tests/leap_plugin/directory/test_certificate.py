"""The certificate: for thirty years, for the names that count, and the same until somebody asks for another."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from leap_plugin.directory.certificate import fingerprint, make_certificate, names_in, public_part, tls_context
from loopixmix.errors import ConfigError

NOW_S = datetime(2026, 11, 29, tzinfo=UTC).timestamp()


def made(path: Path, rng: random.Random, *addresses: str) -> Path:
    make_certificate(path / "bridge.pem", addresses=addresses, rng=rng, now_s=NOW_S)
    return path / "bridge.pem"


def test_it_lasts_and_names_this_machine(tmp_path: Path, rng: random.Random) -> None:
    path = made(tmp_path, rng, "192.168.1.5", "fd00::5")
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    assert certificate.not_valid_before_utc < datetime.fromtimestamp(NOW_S, UTC)
    assert certificate.not_valid_after_utc.year == 2056
    assert names_in(path) == {"localhost", "127.0.0.1", "192.168.1.5", "fd00::5"}
    assert path.stat().st_mode & 0o777 == 0o600
    certificate.verify_directly_issued_by(certificate)
    assert tls_context(path).getContext() is not None


def test_what_is_shown_has_no_key(tmp_path: Path, rng: random.Random) -> None:
    path = made(tmp_path, rng)
    assert b"PRIVATE" in path.read_bytes()
    assert b"PRIVATE" not in public_part(path)
    assert len(fingerprint(path).split(":")) == 32


def test_the_key_is_drawn_from_the_randomness_that_is_given(tmp_path: Path) -> None:
    keys = []
    for seed in (1, 1, 2):
        path = made(tmp_path, random.Random(seed))
        keys.append(x509.load_pem_x509_certificate(path.read_bytes()).public_key())
    assert keys[0] == keys[1] != keys[2]


def test_a_file_that_is_none_is_refused(tmp_path: Path, rng: random.Random) -> None:
    with pytest.raises(ConfigError, match="loopixmix mail setup"):
        tls_context(tmp_path / "bridge.pem")
    path = made(tmp_path, rng)
    whole = path.read_bytes()
    path.write_bytes(public_part(path))
    with pytest.raises(ConfigError, match="not a certificate with its key"):
        tls_context(path)
    path.write_bytes(b"x")
    with pytest.raises(ConfigError, match="not a certificate with its key"):
        tls_context(path)
    path.write_bytes(whole)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        tls_context(path)
