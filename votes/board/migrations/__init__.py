"""The history of the board's store."""
