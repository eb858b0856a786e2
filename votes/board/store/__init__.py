"""The board's store."""
