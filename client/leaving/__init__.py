"""A client that is left: all that it keeps, for its owner to take along, and its erasure."""
