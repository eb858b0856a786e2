"""The history of the collector's store."""
