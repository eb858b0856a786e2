"""The link to the provider, and the network as it is now."""
