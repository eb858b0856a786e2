"""Runs the migrations on the connection that `client.store.opening` hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from loopixmix.errors import StoreError


def run_migrations() -> None:
    """Bring the store to the newest version within the caller's transaction."""
    connection = context.config.attributes.get("connection")
    if not isinstance(connection, Connection):
        raise StoreError("the store is migrated by the client itself when it starts, not by the alembic command")
    context.configure(connection=connection, transactional_ddl=True)
    context.run_migrations()


run_migrations()
