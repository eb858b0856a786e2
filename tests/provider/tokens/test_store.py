from __future__ import annotations

import stat
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from loopixmix.store.transactions import Store
from provider.tokens.store import HEAD, STORE_FILE, metadata, open_token_store


def test_the_tables_are_those_of_the_migrations(token_store: Store) -> None:
    differences = token_store.read(
        lambda connection: compare_metadata(MigrationContext.configure(connection), metadata)
    )
    assert differences == []
    heads = token_store.read(lambda connection: MigrationContext.configure(connection).get_current_revision())
    assert heads == HEAD


def test_a_store_is_private_and_opens_again(token_store: Store, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / STORE_FILE).stat().st_mode) == 0o600
    open_token_store(tmp_path).close()
