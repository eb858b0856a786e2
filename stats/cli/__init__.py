"""The commands of `loopixmix stats`."""
