"""A trustee that watches: the log followed while ballots arrive, their proofs checked, the board's clock compared."""
