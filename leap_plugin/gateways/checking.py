"""A look at a gateway's directory before it runs."""

from __future__ import annotations

from pathlib import Path

from leap_plugin.gateways.abuse.stoplist import StopListFile
from leap_plugin.gateways.configuration import (
    LOCK_FILE,
    PURPOSE,
    STOP_LIST_FILE,
    check_is_on,
    listening_place,
    load_gateway,
)
from leap_plugin.gateways.wiring import entrance_tls, make_relay
from loopixmix.errors import ConfigError
from loopixmix.net.sockets import check_listening
from loopixmix.tokens.keyfile import KeyFile


def check_gateway(path: Path) -> None:
    """Raise `ConfigError` or `StoreError` in one clear line if the gateway could not do its work."""
    directory = load_gateway(path)
    settings = directory.config.exit
    check_is_on(directory.config)
    if not directory.client.is_dir():
        raise ConfigError(f"{directory.client}: there is no such directory; it is that of the gateway's client")
    StopListFile(path / STOP_LIST_FILE).current()
    if directory.config.entrance.enabled:
        entrance_tls(directory)
        _check_place(path, directory.config.entrance.listen, key="entrance.listen")
    if settings.enabled:
        _check_place(path, settings.opt_out_listen, key="exit.opt_out_listen")
        make_relay(directory).close()
        keys = path / settings.token_keys
        if not KeyFile(keys, PURPOSE).keys():
            raise ConfigError(f"{keys}: has no key for the purpose {PURPOSE}: no token would count")


def _check_place(path: Path, place: str, *, key: str) -> None:
    check_listening(*listening_place(place), keys=(key, key), lock=path / LOCK_FILE)
