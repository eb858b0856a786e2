"""The history of the store of analysts."""
