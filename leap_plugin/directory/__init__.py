"""The directory of a bridge: its configuration, keys and passwords."""
