"""Cover traffic: Poisson streams, and a node's own loops."""
