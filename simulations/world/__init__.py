"""A world: the deployed nodes and clients on a virtual clock."""
