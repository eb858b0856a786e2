"""The history of the provider's store, applied at start (Alembic)."""
