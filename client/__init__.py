"""The client: Poisson streams, paths, replies, acknowledgements, contacts."""
