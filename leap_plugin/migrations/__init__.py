"""The history of the mail store, applied at start (Alembic)."""
