"""The history of the client's store, applied at start (Alembic)."""
