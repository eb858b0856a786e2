"""An operator's work with a provider's accounts, while it runs or not.

It goes to the store and not to the running provider: a port or socket for it would have to be guarded, and commands
could not be given while the provider is down. The provider finds the changes in the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loopixmix.config import load_config
from loopixmix.errors import ConfigError, MisuseError
from loopixmix.node.config import CONFIG_FILE
from loopixmix.seams import Rng
from provider.accounts import hash_invitation, make_invitation
from provider.config import ProviderConfig
from provider.store import MailStore
from provider.store.accounts import Account, add_invitation, list_accounts, remove_account


class UnknownAccountError(MisuseError):
    """There is no account of that name."""


class Administration:
    """The accounts of one provider."""

    def __init__(self, store: MailStore) -> None:
        """`store`: the provider may be running on it; the database keeps their changes apart."""
        self._store = store

    def accounts(self) -> list[Account]:
        """Return all accounts by name."""
        return self._store.read(list_accounts)

    def remove(self, name: str, *, release_name: bool, today: int) -> None:
        """Remove an account with its mail; its name is never given again unless `release_name`.

        `today`: the present day. Raises `UnknownAccountError`.
        """
        removed = self._store.write(lambda c: remove_account(c, name, retire_name=not release_name, today=today))
        if not removed:
            raise UnknownAccountError(f"there is no account {name}")

    def invite(self, *, uses: int, last_day: int, rng: Rng) -> str:
        """Return a new invitation code for `uses` accounts, good up to `last_day`."""
        code = make_invitation(rng)
        self._store.write(
            lambda connection: add_invitation(connection, hash_invitation(code), uses=uses, last_day=last_day)
        )
        return code


@contextmanager
def administration(directory: Path, *, may_begin: bool = False) -> Iterator[Administration]:
    """Open the accounts of the provider in `directory`; raise `ConfigError` or `StoreError`.

    `may_begin`: make the store if there is none yet.
    """
    config = load_config(directory / CONFIG_FILE, ProviderConfig)
    # Listing must not make a store: in a wrong directory it would leave one behind and show no accounts.
    if not may_begin and not config.has_store(directory):
        raise ConfigError(f"{directory}: no provider has run here yet, so there are no accounts")
    store = MailStore(config.store_url(directory))
    try:
        yield Administration(store)
    finally:
        store.close()
