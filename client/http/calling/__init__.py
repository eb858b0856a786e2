"""The local API from another process."""
