"""The migrations make the tables that the code reads."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from leap_plugin.store.schema import metadata
from tests.worlds.mail_stores import MailStoreOnDisk


def test_the_migrations_lead_to_the_tables_of_this_version(tmp_path: Path) -> None:
    store = MailStoreOnDisk(tmp_path)

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    assert store.opened.read(differences) == []
    store.close()
