"""The services that every provider can offer."""
