"""The daemon's side of the local API."""
