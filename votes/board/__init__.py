"""The bulletin board: an append-only log of all that happens in an election, for everybody to check."""
