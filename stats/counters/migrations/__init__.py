"""The history of the store of counters, applied at start."""
