"""Each version of the board's store."""
