"""The packages that LEAP's interfaces need, and most users of mail do without."""

from __future__ import annotations

from importlib.util import find_spec

from loopixmix.errors import ConfigError


def check_openpgp() -> None:
    """Raise `ConfigError` if OpenPGP is not installed."""
    if find_spec("pysequoia") is None:
        raise ConfigError("LEAP's interfaces need OpenPGP: the extra `gateways` of loopixmix has it")


def check_sealing() -> None:
    """Raise `ConfigError` if stores cannot be sealed."""
    if find_spec("sqlcipher3") is None:
        raise ConfigError("a LEAP gateway seals what it keeps: SQLCipher comes with the extra `gateways` of loopixmix")
