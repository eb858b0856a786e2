"""The packages that LEAP's interfaces need, and most users of mail do without."""

from __future__ import annotations

from importlib.util import find_spec

from loopixmix.errors import ConfigError
from loopixmix.extras import how_to_install


def check_openpgp() -> None:
    """Raise `ConfigError` if OpenPGP is not installed."""
    if find_spec("pysequoia") is None:
        raise ConfigError(f"LEAP's interfaces need OpenPGP: {how_to_install('gateways')}")


def check_sealing() -> None:
    """Raise `ConfigError` if stores cannot be sealed."""
    if find_spec("sqlcipher3") is None:
        raise ConfigError(f"a LEAP gateway seals what it keeps by SQLCipher: {how_to_install('gateways')}")
