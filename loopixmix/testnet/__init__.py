"""A whole network on one machine: one process a node, on loopback."""
