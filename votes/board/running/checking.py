"""A look at a board's directory before it runs."""

from __future__ import annotations

from loopixmix.group.ristretto import ristretto255
from loopixmix.net.sockets import check_listening
from loopixmix.store.transactions import Store
from loopixmix.web.certificates import tls_options
from provider.serving.sockets import SocketPlace
from votes.board.running.directory import LOCK_FILE, STORE_FILE, BoardDirectory
from votes.board.store.schema import SCHEMA


def check_board(directory: BoardDirectory) -> None:
    """Raise `ConfigError` or `StoreError` in one clear line if the board could not run.

    What is not there yet, such as the file of its store, is not made.
    """
    config, path = directory.config, directory.path
    directory.party_key()
    directory.credentials(ristretto255().element_bytes)
    if config.certificate:
        tls_options(path / config.certificate, path / config.key)
    check_listening(config.host, config.port, keys=("host", "port"), lock=path / LOCK_FILE)
    _ = SocketPlace(path / config.socket, config.provider_user).user_id
    if config.store or (path / STORE_FILE).exists():
        Store(SCHEMA, directory.store_url).close()
