"""The trustees: they make the key together, keep a share each, and decrypt what the last mixer put out."""
