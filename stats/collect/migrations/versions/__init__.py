"""Each version of the collector's store."""
