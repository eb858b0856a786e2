"""Attacks, each with its success beside its bound."""
