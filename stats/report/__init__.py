"""A report as bytes."""
