"""The history of the store of a LEAP gateway, applied at start."""
