"""A node seen from outside: counts, entropy, metrics, status."""
