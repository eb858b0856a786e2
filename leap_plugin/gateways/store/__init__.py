"""The store of a gateway: what waits in it is sealed, and what is remembered names nobody."""
