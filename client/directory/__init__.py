"""The directory of a client: its configuration and its keys."""
