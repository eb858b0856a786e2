"""The history of the store of a gateway: one file for each version."""
