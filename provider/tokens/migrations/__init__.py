"""The history of a token service's store, applied at start."""
