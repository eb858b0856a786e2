"""Each version of the store of analysts."""
