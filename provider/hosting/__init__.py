"""Hosting services: found by entry points, and asked."""
