"""Closed forms: pure functions of numbers, for every engine."""
