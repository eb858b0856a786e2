"""A node: its configuration, its process, and the mix."""
