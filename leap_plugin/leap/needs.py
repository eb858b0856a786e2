"""The package that all of LEAP's interfaces need, and most users of mail do without."""

from __future__ import annotations

from importlib.util import find_spec

from loopixmix.errors import ConfigError


def check_openpgp() -> None:
    """Raise `ConfigError` if OpenPGP is not installed."""
    if find_spec("pysequoia") is None:
        raise ConfigError("LEAP's interfaces need OpenPGP: install it by  pip install loopixmix[gateways]")
