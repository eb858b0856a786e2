"""The commands of `loopixmix vote`, by role."""
