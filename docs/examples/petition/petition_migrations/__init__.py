"""The history of a petition's store."""
