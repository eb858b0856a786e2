"""The migrations make the tables that the code reads."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from leap_plugin.gateways.store.schema import SCHEMA, metadata
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store


def test_the_migrations_lead_to_the_tables_of_this_version(tmp_path: Path) -> None:
    store = Store(SCHEMA, sqlite_url(tmp_path / "gateway.db"))

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    assert store.read(differences) == []
    store.close()
