"""The work of the `env.py` in every store's migrations."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from loopixmix.errors import StoreError


def run_migrations() -> None:
    """Bring the store that is being opened to the newest version, within the transaction that opens it."""
    connection = context.config.attributes.get("connection")
    if not isinstance(connection, Connection):
        raise StoreError("a store is migrated by its own program when it starts, not by the alembic command")
    context.configure(connection=connection, transactional_ddl=True)
    context.run_migrations()
