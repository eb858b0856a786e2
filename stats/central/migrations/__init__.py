"""Migrations of the store of data sets."""
