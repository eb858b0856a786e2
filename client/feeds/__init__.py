"""Telling the callbacks of applications what happened."""
