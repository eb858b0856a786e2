"""The history of the store of a gateway."""
