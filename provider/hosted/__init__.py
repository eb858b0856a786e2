"""The services every provider can offer."""
