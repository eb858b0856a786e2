"""Measurements of running networks: taken, kept, and set beside simulations of the same network."""
