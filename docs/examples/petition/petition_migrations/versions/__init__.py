"""The history of a petition's store: one file for each version."""
