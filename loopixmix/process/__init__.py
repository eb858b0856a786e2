"""A program in its directory: lock, files, clock, log."""
